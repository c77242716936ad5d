package feeds

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendJSON appends the issue as a JSON object. Reports of a million issues
// are written with it, several times quicker than with encoding/json.
func (i *Issue) AppendJSON(b []byte) []byte {
	b = appendField(b, `{"item_id":`, i.ItemID)
	if i.File != "" {
		b = appendField(b, `,"file":`, i.File)
	}
	b = append(b, `,"line":`...)
	b = strconv.AppendInt(b, int64(i.Line), 10)
	b = appendField(b, `,"attribute":`, i.Attribute)
	b = appendField(b, `,"rule":`, i.Rule)
	b = appendField(b, `,"severity":`, string(i.Severity))
	b = appendField(b, `,"platform":`, i.Platform)
	b = appendField(b, `,"value":`, i.Value)
	b = appendField(b, `,"message":`, i.Message)
	b = appendField(b, `,"fix":`, i.Fix)
	if i.Code != "" {
		b = appendField(b, `,"code":`, i.Code)
	}
	return append(b, '}')
}

func appendField(b []byte, key, s string) []byte {
	if !utf8.ValidString(s) { // a name of a file, or of an encoding, may be anything; JSON may not
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	b = append(append(b, key...), '"')
	from := 0
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
