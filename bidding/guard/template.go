package guard

// Template is a policy file that holds the defaults and explains each.
const Template = `# The policy: what adsteward may propose, and what may be approved. Every value
# here is the default; money is in the ad account's currency. The version in
# force is kept with each run.

step:
  default: 0.15     # a proposal changes a value by at most 15 %
  hard_limit: 0.20  # a person may edit it to at most 20 %

cool_down:
  days: 7           # rest after a change; longer where conversions take longer to arrive
  rejected_days: 7  # how long what somebody rejected is not proposed the same way again; 0: every night

minimum:            # evidence a change needs
  window_days: 56
  conversions: 10
  spend: 10

limits:             # bounds of every budget, target and bid; 0 is no bound
  min_budget: 0
  max_budget: 0
  min_target: 0
  max_target: 0
  min_bid: 0
  max_bid: 0

entities: []        # exceptions by id or name, * for anything; the last one that fits holds:
# - match: "Search | Brand"
#   max_budget: 500
#   protected: true

protected: []       # ids or names that are never changed, * for anything: ["Search | Brand*"]

total_daily_cap: 0    # sum of all daily budgets; with 0 a plan keeps to what they are together now
total_monthly_cap: 0  # 30.4 x the sum of the daily budgets; 0 is no cap
monthly: []           # what a month may cost, in all or for some campaigns; budgets and targets follow so that it lands there:
# - {name: Everything, budget: 30000}
# - {name: Brand, match: ["Search | Brand*", "meta"], budget: 5000} # names, ids or platforms; currency: USD for others
max_movement: 0.20    # share of all daily budgets that one day may move

break_even: 1       # no scaling below this multiple of the break-even ROAS; 0 is off
cac_ceiling: 0      # spend per incremental order of a new customer; 0 is no ceiling
ltv_cac_floor: 3    # lifetime value over acquisition cost; 0 is off

freshness:
  max_age_days: 2   # how old the newest reported day may be

tracking_outage:
  freeze_days: 3    # an outage among this many newest days freezes the platform

spend_anomaly:      # a day far beyond what the budget rules allow, or a sudden stop
  days: 3           # freezes what did so among this many newest days; 0 is off
  beyond: 0.25      # far is 25 % above the most a day may cost (Google 2 x the budget, Meta 1.75 x)

alerts:             # figures that have become worse than chance explains; nothing is scaled up meanwhile
  days_per_false_alarm: 1000  # mean days between two false alarms of one figure of one campaign; 0 is off
  fall: 0.30        # the fall looked for: conversions per click or per spend, value per spend
  fatigue: true     # a falling click-through rate (social, video, display): the creative is worn out
  max_worn_spend: 0.5 # share of its spend on worn-out ads (single ads whose click-through or conversion rate has fallen) above
                    # which it takes no more money; below, they are only pointed out. 1 is off
  bid_pressure: true  # clicks (of films and pictures: impressions) grow dearer while its share of the impressions falls

stock:
  max_unsellable: 0.25  # share of what was sold lately that is out of stock or wrong in the feed; 1 is off
  max_unfit_spend: 0.25 # share of its spend on single items that went to items missing from the feed, wrong in it, out of
                        # stock or sold at their cost; 1 is off
  max_losing_spend: 1   # likewise to items whose price does not carry their cost and their advertising at break-even; off
                        # at 1, since what the campaign earns as a whole is weighed anyway

max_frequency: 0    # how often one person may see it in seven days before it is scaled up no more (Meta); 0 is off

max_overlap: 0.3    # two campaigns shown to people on lists kept here are scaled up no more while a larger share of the
                    # smaller audience is in both; 0 is off

change_by_others:
  hours: 72         # hands off what somebody else has just changed

black_out: []       # dates on which nothing is changed:
# - {from: 2026-11-27, to: 2026-11-30, reason: Black Friday}

experiments:
  protect: true     # what an experiment runs on is changed by that experiment alone until it ends

dead_band:          # what is too small to bother anybody with
  change: 0.03
  min_gain: 0.01    # expected profit a day

risk:               # what the budgets maximise, as curves are never known for sure
  objective: mean   # mean: the average profit; cvar: the average of the worst cases; quantile: what is seldom missed
  level: 0.2        # cvar: the worst 20 % of what may be true; quantile: missed with a probability of 20 %
  doubt: 0.2        # all worths together may be off by so much: all budgets together change only as far as would pay even so
  caution: 1        # money moves between budgets only as far as pays if each worth is off, against the move, by so many of its standard errors

explore:            # moves some money off what seems best, to learn where that is unsure; off at 0
  budget_per_day: 0     # at most so much of the daily budgets
  max_cost_share: 0.1   # what it costs in expected profit is at most this share of it

value_rules:        # tell Google Ads that some sales are worth more than their price; off unless enabled
  enabled: false            # a value rule for each audience list adsteward keeps
  min_multiplier: 0.5       # a sale counts for at least this many times its price (Google: 0.5)
  max_multiplier: 2         # and at most this many times (Google: 10)
  new_customer_value: false # also add what a new customer's later orders are worth to the first

# How much of the sales a platform reports its ads caused, as long as no experiment
# of your own says so: published experiments, by whom a campaign speaks to. The
# shop's orders correct it where a platform claims what nobody bought.
incremental:
  known_audience: {share: 0.38, sd: 0.20} # people who know the shop: its name searched for, visitors, customers
  mixed_audience: {share: 0.68, sd: 0.18} # the platform chooses among both: Performance Max, Advantage+
  new_audience: {share: 0.82, sd: 0.15}   # everybody else
  patterns:         # words of campaign names; * is any ending. Add your shop's name to known
    known: [brand, branded, marke, markenname, retarget*, remarket*, rlsa, visitor*, besucher*, viewed, cart, carts,
      warenkorb*, abandon*, reactivat*, winback, win back, bestandskund*, existing customers, retention]
    mixed: [pmax, performance max, advantage*, asc, dpa, catalog*, katalog*]
    new: [non brand, nonbrand, no brand, non branded, brand awareness, competitor*, konkurren*, wettbewerb*, generic*, prospect*,
      lookalike*, lal, acquisition, new customers, neukund*]

rollback:           # when a change is proposed to be put back, once its days are over
  probability: 0.9  # it lost money with at least this probability; 0 is never
  min_loss: 1       # and at least so much a day

exclude:            # when an item of the feeds is proposed to be kept out of ads, by the supplemental feed (feed_supplement)
  groups: [item_group_id, product_type, brand] # and when a whole group of items that share one of these, which proves
                    # more than its single items do; product_type: each level of the path. [] is single items only
  min_spend: 20     # what it (all of the group together) cost in 30 days, at least
  min_clicks: 50
  probability: 0.9  # its ads lost money with at least this probability, cost of goods and later orders counted
  max_items: 0.05   # share of a platform's items that are kept out at once, at most; all items of a group count
  max_spend: 0.2    # and of what was spent on items
  max_per_night: 20 # proposals of a night, a group being one; 0 is none
  again_days: 90    # after so long it is proposed to be let in again, to see; what you reject is left alone as long

expiry_hours: 48    # how long a proposal may be decided and pushed

auto_approve:       # the policy's own yes; off unless enabled, and then only within these caps
  enabled: false
  fields: {}
#   excluded: {max_per_run: 5, max_per_day: 5}  # single items kept out of ads, and let in again; groups are left to people
#   daily_budget: {per_item: 0.05, per_run: 0.02, per_day: 0.02, max_per_run: 5, max_per_day: 5}
`
