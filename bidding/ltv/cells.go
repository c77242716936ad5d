package ltv

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"adsteward/internal/civil"
)

// maxValue keeps sums of values far from overflow; nothing sold costs more.
const maxValue = 1e15

// plainDay reads YYYY-MM-DD; what is not such a day is left to readDay.
func plainDay(s []byte) (civil.Date, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	var n [8]int
	for i, at := range [...]int{0, 1, 2, 3, 5, 6, 8, 9} {
		if n[i] = int(s[at]) - '0'; n[i] < 0 || n[i] > 9 {
			return 0, false
		}
	}
	year, month, day := 1000*n[0]+100*n[1]+10*n[2]+n[3], 10*n[4]+n[5], 10*n[6]+n[7]
	if month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) {
		return 0, false
	}
	// Days since 1970-01-01 in years that begin in March, which puts the leap day
	// last.
	if month < 3 {
		year, month = year-1, month+12
	}
	year += 400 // never below 0
	return civil.Date(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468 - 146097), true
}

func daysIn(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

func readDay(s string) (civil.Date, error) {
	if len(s) > len(time.DateOnly) {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return civil.Of(t), nil
		}
	} else if d, err := civil.Parse(s); err == nil {
		return d, nil
	}
	return 0, fmt.Errorf("%q is not a date of the form YYYY-MM-DD or RFC 3339", s)
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// plainNumber reads digits with at most one point and 15 digits in all, where
// one division of two whole numbers gives the nearest float64 (Clinger 1990);
// what is not such a number is left to readValue.
func plainNumber(s []byte) (float64, bool) {
	if len(s) == 0 || len(s) > 16 {
		return 0, false
	}
	var n int64
	digits, point := 0, -1
	for i, ch := range s {
		switch {
		case ch >= '0' && ch <= '9':
			n = 10*n + int64(ch-'0')
			digits++
		case ch == '.' && point < 0:
			point = i
		default:
			return 0, false
		}
	}
	if digits == 0 || digits > 15 {
		return 0, false
	}
	if point < 0 {
		return float64(n), true
	}
	return float64(n) / powersOfTen[len(s)-1-point], true
}

func readValue(s string) (v float64, reason string) {
	v, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return 0, "is not a number; write it as 1234.50"
	case v < 0:
		return 0, "is negative; take a refund off the order it belongs to"
	case v > maxValue:
		return 0, "is more than an order can be worth"
	}
	return v + 0, "" // -0 is 0
}
