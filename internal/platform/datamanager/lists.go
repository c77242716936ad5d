package datamanager

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/platform"
)

const (
	accountType       = "GOOGLE_ADS"
	maxMembershipDays = 540
)

func (c *Client) parent() string { return account(c.cfg.CustomerID) }

func account(id string) string { return "accountTypes/" + accountType + "/accounts/" + id }

// EnsureList finds the Customer Match list by its name or makes it.
func (c *Client) EnsureList(ctx context.Context, l platform.List) (string, error) {
	if l.MembershipDays < 1 || l.MembershipDays > maxMembershipDays {
		return "", rejected("people stay on a Customer Match list for 1 to %d days, not %d", maxMembershipDays, l.MembershipDays)
	}
	id, err := c.findList(ctx, l.Name)
	if id != "" || err != nil {
		return id, err
	}
	call := c.service.AccountTypes.Accounts.UserLists.Create(c.parent(), &dm.UserList{
		DisplayName:        l.Name,
		Description:        l.Description,
		MembershipDuration: fmt.Sprintf("%ds", l.MembershipDays*24*60*60),
		MembershipStatus:   "OPEN",
		IngestedUserListInfo: &dm.IngestedUserListInfo{
			UploadKeyTypes: []string{"CONTACT_ID"},
			ContactIdInfo:  &dm.ContactIdInfo{DataSourceType: "DATA_SOURCE_TYPE_FIRST_PARTY"},
		},
	})
	c.loginAs(call.Header())
	made, err := do(ctx, c, once, func(ctx context.Context) (*dm.UserList, error) { return call.Context(ctx).Do() })
	if err != nil {
		return "", err
	}
	return listID(made)
}

func (c *Client) findList(ctx context.Context, name string) (string, error) {
	var id string
	call := c.service.AccountTypes.Accounts.UserLists.List(c.parent()).
		Filter("display_name = " + strconv.Quote(name)).PageSize(1000)
	c.loginAs(call.Header())
	for {
		page, err := do(ctx, c, repeatable, func(ctx context.Context) (*dm.ListUserListsResponse, error) { return call.Context(ctx).Do() })
		if err != nil {
			return "", err
		}
		for _, l := range page.UserLists {
			if id == "" && l.DisplayName == name {
				if id, err = listID(l); err != nil {
					return "", err
				}
			}
		}
		if id != "" || page.NextPageToken == "" {
			return id, nil
		}
		call.PageToken(page.NextPageToken)
	}
}

// loginAs names the manager account; user lists take it as a header.
func (c *Client) loginAs(h http.Header) {
	if c.cfg.LoginCustomerID != "" {
		h.Set("login-account", account(c.cfg.LoginCustomerID))
	}
}

// listID is the number of a list, which is also the last part of its name.
func listID(l *dm.UserList) (string, error) {
	if l.Id != 0 {
		return strconv.FormatInt(l.Id, 10), nil
	}
	if i := strings.LastIndexByte(l.Name, '/'); i >= 0 && i+1 < len(l.Name) {
		return l.Name[i+1:], nil
	}
	return "", &platform.Error{Platform: platform.Google, Kind: platform.Unknown, Message: "Google answered with a list that has no id",
		Remedy: "it is found by its name in the next run"}
}

// EnsureLookalike returns the lookalike list of seed, through the Google Ads
// API.
func (c *Client) EnsureLookalike(ctx context.Context, name, seedID, country string, ratio float64) (string, error) {
	if c.cfg.Lists == nil {
		return "", rejected("lookalike lists need access to the Google Ads API, which is not configured")
	}
	return c.cfg.Lists.EnsureLookalikeList(ctx, name, seedID, country, ratio)
}
