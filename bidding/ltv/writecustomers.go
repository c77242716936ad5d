package ltv

import (
	"io"
	"strconv"
)

// CustomersHeader names the columns of WriteCustomers.
const CustomersHeader = "customer_id,frequency,recency,age,mean_value,p_alive,expected_orders,expected_value,clv,clv_low,clv_high\n"

// WriteCustomers writes rows as CSV with a header, in their order. Recency and
// age are in the unit of the analysis; numbers have ten digits.
func WriteCustomers(out io.Writer, rows []CustomerWorth) error {
	if _, err := io.WriteString(out, CustomersHeader); err != nil {
		return err
	}
	var parts [32][]byte // formatted in parallel, written in order
	for len(rows) > 0 {
		now := rows[:min(len(rows), len(parts)*chunk)]
		rows = rows[len(now):]
		n := (len(now) + chunk - 1) / chunk
		parallel(n, func(p int) {
			parts[p] = parts[p][:0]
			for i := p * chunk; i < min((p+1)*chunk, len(now)); i++ {
				parts[p] = appendCustomer(parts[p], &now[i])
			}
		})
		for _, p := range parts[:n] {
			if _, err := out.Write(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func appendCustomer(line []byte, r *CustomerWorth) []byte {
	line = appendCell(line, r.CustomerID)
	line = append(line, ',')
	line = strconv.AppendInt(line, int64(r.Frequency), 10)
	for _, v := range [...]float64{r.Recency, r.Age, r.MeanValue, r.PAlive, r.Orders, r.OrderValue, r.Value, r.Low, r.High} {
		line = appendNumber(append(line, ','), v)
	}
	return append(line, '\n')
}

// appendNumber writes ten digits; whole numbers, which many are, by a shorter
// way to the same text.
func appendNumber(line []byte, v float64) []byte {
	if n := int64(v); v > 0 && v < 1e9 && float64(n) == v {
		return strconv.AppendInt(line, n, 10)
	}
	return strconv.AppendFloat(line, v, 'g', 10, 64)
}

// appendCell quotes a CSV cell where it needs it.
func appendCell(line []byte, s string) []byte {
	plain := s != ""
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] != '"' && s[i] != ',' && s[i] != '\n' && s[i] != '\r' && s[i] != ' '
	}
	if plain {
		return append(line, s...)
	}
	line = append(line, '"')
	for i := range len(s) {
		if s[i] == '"' {
			line = append(line, '"')
		}
		line = append(line, s[i])
	}
	return append(line, '"')
}
