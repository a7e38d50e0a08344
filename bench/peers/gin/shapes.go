package main

import (
	"encoding/json"
	"time"
)

type instant time.Time

func (t instant) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000Z"`), nil
}

type day time.Time

func (d day) MarshalJSON() ([]byte, error) {
	return time.Time(d).AppendFormat(nil, `"2006-01-02"`), nil
}

var lima = time.FixedZone("America/Lima", -5*60*60)

// birthdayToday counts the 29th of February as the 28th in a common year.
func birthdayToday(birth *time.Time) *bool {
	if birth == nil {
		return nil
	}
	now := time.Now().In(lima)
	is := birth.Month() == now.Month() && birth.Day() == now.Day() || birth.Month() == 2 && birth.Day() == 29 &&
		now.Month() == 2 && now.Day() == 28 && now.AddDate(0, 0, 1).Day() == 1
	return &is
}

type advisor struct {
	ID       int64   `json:"id,string"`
	Username *string `json:"username"`
	FullName string  `json:"full_name"`
}

type advertising struct {
	Acceptance    json.RawMessage `json:"acceptance"`
	At            *instant        `json:"at"`
	Advisor       advisor         `json:"advisor"`
	OpportunityID *int64          `json:"opportunity_id,string"`
}

type client struct {
	ID                  int64           `json:"id,string"`
	Name                string          `json:"name"`
	DocumentType        json.RawMessage `json:"document_type"`
	DocumentNumber      string          `json:"document_number"`
	ExternalID          *string         `json:"external_id"`
	Phone               *string         `json:"phone"`
	Email               *string         `json:"email"`
	Gender              *string         `json:"gender"`
	BirthDate           *day            `json:"birth_date"`
	LegalRepresentative *string         `json:"legal_representative"`
	Sales               struct {
		Lines          []string `json:"lines"`
		Plan           *string  `json:"plan"`
		ActivationDate *day     `json:"activation_date"`
	} `json:"sales"`
	Summary360 struct {
		TracProfile *string `json:"trac_profile"`
		Observed    *bool   `json:"observed"`
		ClaroPoints *int32  `json:"claro_points"`
		Segment     *string `json:"segment"`
		MiClaro     *bool   `json:"mi_claro"`
	} `json:"summary_360"`
	Experience struct {
		BirthdayToday  *bool   `json:"birthday_today"`
		ExpiringPoints *int32  `json:"expiring_points"`
		OverduePayment *string `json:"overdue_payment"`
		LatamPartner   *bool   `json:"latam_partner"`
	} `json:"experience"`
	CreatedAt   instant      `json:"created_at"`
	UpdatedAt   instant      `json:"updated_at"`
	ErasedAt    *instant     `json:"erased_at"`
	Advertising *advertising `json:"advertising"`
}

type service struct {
	CurrentPlan       *string `json:"current_plan"`
	ActivationDate    *day    `json:"activation_date"`
	PriorConsultation *bool   `json:"prior_consultation"`
}

type action struct {
	ID         int64           `json:"id,string"`
	Action     json.RawMessage `json:"action"`
	FinalState json.RawMessage `json:"final_state"`
}

type voided struct {
	At      instant `json:"at"`
	Advisor advisor `json:"advisor"`
	Reason  *string `json:"reason"`
}

type followUp struct {
	At   instant `json:"at"`
	Note *string `json:"note"`
}

type reopened struct {
	At      instant `json:"at"`
	Advisor advisor `json:"advisor"`
}

type opportunity struct {
	ID          int64           `json:"id,string"`
	ClientID    int64           `json:"client_id,string"`
	ContactID   *int64          `json:"contact_id,string"`
	Campaign    json.RawMessage `json:"campaign"`
	SubCampaign json.RawMessage `json:"sub_campaign"`
	Stage       json.RawMessage `json:"stage"`
	Advisor     advisor         `json:"advisor"`
	Service     service         `json:"service"`
	Actions     []action        `json:"actions"`
	Diagnosis   struct {
		Reason json.RawMessage `json:"reason"`
	} `json:"diagnosis"`
	CompetitorOffer struct {
		Plan           json.RawMessage `json:"plan"`
		Offer          json.RawMessage `json:"offer"`
		Channel        json.RawMessage `json:"channel"`
		Operator       json.RawMessage `json:"operator"`
		PhoneToManage  *string         `json:"phone_to_manage"`
		AdditionalLine *string         `json:"additional_line"`
	} `json:"competitor_offer"`
	Closure struct {
		AdvertisingAcceptance json.RawMessage `json:"advertising_acceptance"`
		Stage                 json.RawMessage `json:"stage"`
		ClosedAt              *instant        `json:"closed_at"`
	} `json:"closure"`
	Missing   []string  `json:"missing"`
	FollowUp  *followUp `json:"follow_up"`
	Voided    *voided   `json:"voided"`
	Reopened  *reopened `json:"reopened"`
	CreatedAt instant   `json:"created_at"`
	UpdatedAt instant   `json:"updated_at"`
	OtherOpen []string  `json:"other_open"`
}

// setMissing lists what an open opportunity lacks for a final stage.
func (o *opportunity) setMissing() {
	o.Missing = []string{}
	if o.Closure.ClosedAt != nil {
		return
	}
	if len(o.Actions) == 0 {
		o.Missing = append(o.Missing, "actions")
	}
	for i := range o.Actions {
		if o.Actions[i].FinalState == nil {
			o.Missing = append(o.Missing, "actions.final_state")
			break
		}
	}
	if o.Diagnosis.Reason == nil {
		o.Missing = append(o.Missing, "diagnosis.reason")
	}
	if o.CompetitorOffer.PhoneToManage == nil {
		o.Missing = append(o.Missing, "competitor_offer.phone_to_manage")
	}
	if o.Closure.AdvertisingAcceptance == nil {
		o.Missing = append(o.Missing, "closure.advertising_acceptance")
	}
}

type page struct {
	Items interface{} `json:"items"`
	Next  *string     `json:"next"`
}
