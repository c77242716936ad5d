package feeds

import "strings"

// gtinDigits removes the spaces and dashes Google ignores.
func gtinDigits(s string) string {
	if strings.IndexByte(s, ' ') < 0 && strings.IndexByte(s, '-') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, " ", ""), "-", "")
}

// gtinProblem checks the length and the check digit (GS1 General Specifications:
// weights 3 and 1 from the right).
func gtinProblem(digits string) string {
	switch n := len(digits); {
	case !isDigits(digits):
		if strings.ContainsAny(digits, "eE+") {
			return "a spreadsheet has made a number of the gtin"
		}
		return "a gtin has 8, 12, 13 or 14 digits"
	case n != 8 && n != 12 && n != 13 && n != 14:
		return "a gtin has 8, 12, 13 or 14 digits"
	case strings.Trim(digits, "0") == "":
		return "a gtin is not all zeros"
	case checkDigit(digits[:n-1]) != digits[n-1]:
		return "the gtin's check digit is wrong"
	}
	return ""
}

func checkDigit(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			d *= 3
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// reservedGTIN names the range of a well-formed gtin that no product of the
// open market has. Prefixes are those of the 13-digit form.
func reservedGTIN(digits string) string {
	switch len(digits) {
	case 8:
		return "" // GTIN-8 has prefixes of its own
	case 12:
		digits = "0" + digits
	case 14:
		digits = digits[1:]
	}
	switch {
	case digits[0] == '2', digits[:2] == "02", digits[:2] == "04":
		return "gtins that begin so are for use inside a shop"
	case digits[:2] == "05", digits[:2] == "99", digits[:2] == "98" && digits[2] >= '1' && digits[2] <= '4':
		return "gtins that begin so are coupons"
	}
	return ""
}

// expandUPCE gives the 12 digits a UPC-E of 8 digits is short for, or "" where
// it is none.
func expandUPCE(s string) string {
	if len(s) != 8 || !isDigits(s) || s[0] > '1' || s == "00000000" {
		return ""
	}
	d := s[1:7]
	var body string
	switch d[5] {
	case '0', '1', '2':
		body = d[:2] + d[5:6] + "0000" + d[2:5]
	case '3':
		body = d[:3] + "00000" + d[3:5]
	case '4':
		body = d[:4] + "00000" + d[4:5]
	default:
		body = d[:5] + "0000" + d[5:6]
	}
	long := s[:1] + body
	if checkDigit(long) != s[7] {
		return ""
	}
	return long + s[7:]
}

// isbn13 gives the ISBN-13 of an ISBN-10, or "" where it is none.
func isbn13(s string) string {
	if len(s) != 10 || !isDigits(s[:9]) {
		return ""
	}
	sum := 0
	for i := range 10 {
		d := int(s[i] - '0')
		if s[i] == 'X' || s[i] == 'x' {
			d = 10
		} else if s[i] < '0' || s[i] > '9' {
			return ""
		}
		sum += d * (10 - i)
	}
	if sum%11 != 0 {
		return ""
	}
	long := "978" + s[:9]
	return long + string(checkDigit(long))
}
