package market

import "adsteward/internal/civil"

type shop struct{}

// Shop returns what the shop recorded on a complete day.
func (m *Market) Shop(day civil.Date) ShopDay { return ShopDay{} }

// Products lists what the shop sells.
func (m *Market) Products() []Product { return nil }
