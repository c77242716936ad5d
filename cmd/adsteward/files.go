package main

import (
	"bufio"
	"encoding/json"
	"io"

	"adsteward/audiences"
)

type audiencesCmd struct {
	Overlap audiencesOverlap `cmd:"" help:"Which campaigns are shown to the same people. Example: adsteward audiences overlap"`
	Person  audiencesPerson  `cmd:"" help:"Which lists somebody is on and was on, and why. Example: adsteward audiences person customer:1001"`
	Hash    audiencesHash    `cmd:"" help:"Normalise and hash values from standard input. Example: adsteward audiences hash --platform meta --kind email < emails.txt"`
}

type audiencesHash struct {
	Platform       string `required:"" enum:"google,meta" help:"google or meta."`
	Kind           string `required:"" help:"email, phone, first_name, last_name, city, state, zip, country, gender, dob, external_id or madid."`
	DefaultCountry string `help:"Country of phone numbers that name none." placeholder:"CC"`
}

// hashed is one line of the output.
type hashed struct {
	Input      string  `json:"input"`
	Normalized *string `json:"normalized"`
	SHA256     *string `json:"sha256"`
	Outcome    string  `json:"outcome"`
	Reason     string  `json:"reason"`
}

func (c *audiencesHash) Run(e *env) error {
	out := bufio.NewWriter(e.stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	in := bufio.NewReader(e.stdin)
	for {
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if line == "" {
			break
		}
		if line[len(line)-1] == '\n' {
			line = line[:len(line)-1]
		}
		h, herr := audiences.Hash(c.Platform, c.Kind, line, c.DefaultCountry)
		if herr != nil {
			return usage("%v", herr)
		}
		row := hashed{Input: line, Outcome: string(h.Outcome), Reason: h.Reason}
		if h.Outcome != audiences.Drop {
			row.Normalized = &h.Normalized
			if h.SHA256 != "" {
				row.SHA256 = &h.SHA256
			}
		}
		if err := enc.Encode(row); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
	}
	return out.Flush()
}
