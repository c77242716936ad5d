// Keys, bulk selection with its running total, and live progress of a run.
// Everything here is a comfort: each page works without it.
"use strict";

(() => {
  const $ = (sel, root = document) => root.querySelector(sel);
  const $$ = (sel, root = document) => [...root.querySelectorAll(sel)];

  for (const el of $$("[data-script]")) el.hidden = false;

  // Where the names of the pages do not fit beside each other, the open one is in view.
  for (const el of $$("nav [aria-current]")) {
    const box = el.parentElement, at = el.getBoundingClientRect(), frame = box.getBoundingClientRect();
    box.scrollLeft += at.left - frame.left - (frame.width - at.width) / 2;
  }

  // Filters apply themselves.
  for (const form of $$("form[data-auto]")) {
    for (const b of $$("[data-auto-button]", form)) b.hidden = true;
    form.addEventListener("change", () => form.requestSubmit());
    form.addEventListener("submit", () => {
      for (const s of $$("select", form)) if (!s.value) s.disabled = true; // keeps the address short
    });
  }
  addEventListener("pageshow", () => {
    for (const el of $$("form[data-auto] select, form[data-once] button")) el.disabled = false;
  });

  // A form that acts is sent once.
  for (const form of $$("form[data-once]")) {
    form.addEventListener("submit", () => setTimeout(() => {
      for (const b of $$("button", form)) b.disabled = true;
    }));
  }
  for (const el of $$("[data-select]")) {
    el.addEventListener("focus", () => el.select());
  }

  bulk($("#decide"));
  keys();
  live($("#live[data-live]"));

  // bulk keeps the total of what is ticked, and tells the server that it was seen.
  function bulk(form) {
    if (!form || !$("#bulk")) return;
    const text = $("#bulk-text"), all = $("#all");
    const boxes = $$("input[name=id]", form);
    const update = () => {
      const on = boxes.filter((b) => b.checked);
      form.elements.confirmed.value = on.length ? "1" : "";
      if (all) {
        all.checked = on.length > 0 && on.length === boxes.length;
        all.indeterminate = on.length > 0 && on.length < boxes.length;
      }
      $("#bulk").classList.toggle("idle", !on.length);
      if (!on.length) return;
      text.replaceChildren(strong(`${on.length} selected`));
      for (const [currency, t] of totals(on)) {
        text.append(" · ", strong(`${signed(t.gain, currency)} ${currency}`), ` a day (80 %: ${signed(t.gain - Math.sqrt(t.below), currency)} to ${signed(t.gain + Math.sqrt(t.above), currency)})`);
        text.append(` · budgets ${signed(t.spend, currency)} ${currency}`);
      }
    };
    form.addEventListener("change", update);
    all?.addEventListener("change", () => {
      for (const b of boxes) b.checked = all.checked;
      update();
    });
    update();
  }

  // totals adds up as the server does: bounds as if errors were independent.
  function totals(boxes) {
    const out = new Map();
    for (const { dataset: d } of boxes) {
      const t = out.get(d.currency) ?? { gain: 0, below: 0, above: 0, spend: 0 };
      const [gain, low, high, spend] = d.n.split(" ").map(Number);
      t.gain += gain;
      t.below += (gain - low) ** 2;
      t.above += (high - gain) ** 2;
      t.spend += spend;
      out.set(d.currency, t);
    }
    return out;
  }

  function strong(s) {
    const b = document.createElement("b");
    b.textContent = s;
    return b;
  }

  function signed(v, currency) {
    let digits = 2;
    try {
      digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    } catch { /* not a code the browser knows */ }
    if (Math.abs(v) >= 10000) digits = 0;
    return new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" })
      .format(v).replace("-", "−");
  }

  // keys moves through the list and decides, and opens what a page offers.
  function keys() {
    const items = $$(".item");
    let at = -1;
    const go = (i, scroll = true) => {
      if (!items.length) return;
      items[at]?.classList.remove("here");
      at = Math.max(0, Math.min(items.length - 1, i));
      items[at].classList.add("here");
      if (scroll) {
        $("a.name, summary", items[at])?.focus({ preventScroll: true });
        items[at].scrollIntoView({ block: "nearest" });
      }
    };
    // After a decision the list comes back; go on where it was left.
    const key = "adsteward.at";
    try {
      const saved = sessionStorage.getItem(key);
      sessionStorage.removeItem(key);
      if (saved !== null && items.length) {
        const i = items.findIndex((el) => el.id === saved);
        if (i >= 0) go(i);
      }
    } catch { /* storage may be off */ }
    const remember = () => {
      // The decided one moves down the list or away: its successor is next.
      const next = items[at + 1] ?? items[at];
      try { sessionStorage.setItem(key, next.id); } catch { /* storage may be off */ }
    };
    for (const [i, el] of items.entries()) {
      el.addEventListener("focusin", () => go(i, false));
    }
    document.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
      const item = items[at];
      const press = (sel) => {
        const b = item && $(sel, item);
        if (b) { remember(); b.click(); }
      };
      switch (e.key) {
        case "j": go(at + 1); break;
        case "k": go(at - 1); break;
        case "o": {
          const d = item && $("details", item);
          if (d) d.open = !d.open;
          else if (item) $("a.name", item).click();
          break;
        }
        case "x": { const b = item && $("input[name=id]", item); if (b) b.click(); break; }
        case "a": items.length ? press(".act.yes") : $("button[data-key=a]")?.click(); break;
        case "r":
          if (items.length) press(".act.no");
          else {
            const d = $("details[data-key=r]");
            if (!d) return;
            d.open = true;
            $("textarea", d).focus();
          }
          break;
        case "?": $("#keys")?.togglePopover(); break;
        default: return;
      }
      e.preventDefault();
    });
  }

  // live replaces the stages of a run as the server sends them. The markup is
  // our own template's, already escaped.
  function live(box) {
    if (!box) return;
    const source = new EventSource(box.dataset.live);
    source.addEventListener("run", (e) => {
      const { html, live } = JSON.parse(e.data);
      box.innerHTML = html;
      if (!live) {
        source.close();
        location.reload(); // what the run came to
      }
    });
  }
})();
