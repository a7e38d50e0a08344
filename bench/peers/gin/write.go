package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

type typification struct {
	ClientID int64 `json:"client_id,string" binding:"required"`
	Contact  struct {
		OriginPhone    string `json:"origin_phone" binding:"required"`
		SerialNumber   string `json:"serial_number" binding:"required"`
		OwnershipCheck *struct {
			Asked int16 `json:"asked"`
			Right int16 `json:"right"`
		} `json:"ownership_check"`
	} `json:"contact"`
	form
}

type form struct {
	SubCampaign *string `json:"sub_campaign" binding:"required"`
	Service     struct {
		CurrentPlan       *string `json:"current_plan,omitempty"`
		ActivationDate    *string `json:"activation_date,omitempty"`
		PriorConsultation *bool   `json:"prior_consultation,omitempty"`
	} `json:"service"`
	Actions []struct {
		Action     *string `json:"action" binding:"required"`
		FinalState *string `json:"final_state"`
	} `json:"actions"`
	Diagnosis struct {
		Reason *string `json:"reason"`
	} `json:"diagnosis"`
	CompetitorOffer struct {
		Plan           *string `json:"plan,omitempty"`
		Offer          *string `json:"offer,omitempty"`
		Channel        *string `json:"channel,omitempty"`
		Operator       *string `json:"operator,omitempty"`
		PhoneToManage  *string `json:"phone_to_manage,omitempty"`
		AdditionalLine *string `json:"additional_line,omitempty"`
	} `json:"competitor_offer"`
	Closure struct {
		AdvertisingAcceptance *string `json:"advertising_acceptance"`
		Stage                 *string `json:"stage"`
	} `json:"closure"`
}

// masked keeps a phone's last three digits, for the audit.
func masked(phone *string) *string {
	if phone == nil {
		return nil
	}
	text := "***" + (*phone)[len(*phone)-3:]
	return &text
}

func (s *server) typificationCreate(c *gin.Context) {
	var body typification
	if err := c.ShouldBindJSON(&body); err != nil {
		problem(c, http.StatusUnprocessableEntity, "invalid")
		return
	}
	o, err := s.create(c, &body)
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		problem(c, http.StatusUnprocessableEntity, "client_unknown")
	case errors.Is(err, errUnknownChoice):
		problem(c, http.StatusUnprocessableEntity, "unknown_choice")
	case errors.As(err, &refused) && refused.Code[:2] == "23":
		problem(c, http.StatusUnprocessableEntity, refused.ConstraintName)
	case err != nil:
		problem(c, http.StatusInternalServerError, "internal")
	default:
		c.Header("Location", "/v1/opportunities/"+strconv.FormatInt(o.ID, 10))
		c.JSON(http.StatusCreated, o)
	}
}

// create stores everything in one round trip, because pgx runs a batch as one transaction.
func (s *server) create(c *gin.Context, body *typification) (*opportunity, error) {
	var err error
	o := &opportunity{ClientID: body.ClientID, Actions: make([]action, len(body.Actions))}
	campaignCode, openStage := "consulta-previa-prepago", "en-proceso"
	stage := body.Closure.Stage
	if stage == nil {
		stage = &openStage
	}
	var campaignID, subCampaignID, stageID, reasonID, planID, offerID, channelID, operatorID, acceptanceID *int64
	offer := &o.CompetitorOffer
	campaignID, o.Campaign = s.choices.of("campaign", &campaignCode, &err)
	subCampaignID, o.SubCampaign = s.choices.of("sub_campaign", body.SubCampaign, &err)
	stageID, o.Stage = s.choices.of("stage", stage, &err)
	reasonID, o.Diagnosis.Reason = s.choices.of("cancellation_reason", body.Diagnosis.Reason, &err)
	planID, offer.Plan = s.choices.of("competitor_plan", body.CompetitorOffer.Plan, &err)
	offerID, offer.Offer = s.choices.of("competitor_offer", body.CompetitorOffer.Offer, &err)
	channelID, offer.Channel = s.choices.of("offer_channel", body.CompetitorOffer.Channel, &err)
	operatorID, offer.Operator = s.choices.of("operator", body.CompetitorOffer.Operator, &err)
	acceptanceID, o.Closure.AdvertisingAcceptance = s.choices.of("advertising_acceptance", body.Closure.AdvertisingAcceptance, &err)
	actionIDs, stateIDs := make([]*int64, len(body.Actions)), make([]*int64, len(body.Actions))
	for i, a := range body.Actions {
		actionIDs[i], o.Actions[i].Action = s.choices.of("retention_action", a.Action, &err)
		stateIDs[i], o.Actions[i].FinalState = s.choices.of("final_state", a.FinalState, &err)
	}
	if err != nil {
		return nil, err
	}
	o.Closure.Stage = o.Stage
	o.Service.CurrentPlan, o.Service.PriorConsultation = body.Service.CurrentPlan, body.Service.PriorConsultation
	var activation *time.Time
	if body.Service.ActivationDate != nil {
		at, err := time.Parse("2006-01-02", *body.Service.ActivationDate)
		if err != nil {
			return nil, errUnknownChoice
		}
		activation = &at
		o.Service.ActivationDate = (*day)(activation)
	}
	for _, p := range []struct{ from, to **string }{{&body.CompetitorOffer.PhoneToManage, &offer.PhoneToManage},
		{&body.CompetitorOffer.AdditionalLine, &offer.AdditionalLine}} {
		if *p.from != nil {
			text := phone(**p.from)
			*p.to = &text
		}
	}
	var asked, right *int16
	if check := body.Contact.OwnershipCheck; check != nil {
		asked, right = &check.Asked, &check.Right
	}
	body.CompetitorOffer.PhoneToManage = masked(offer.PhoneToManage)
	body.CompetitorOffer.AdditionalLine = masked(offer.AdditionalLine)
	after, err := json.Marshal(&body.form)
	if err != nil {
		return nil, err
	}

	by := c.GetInt64("advisor")
	batch := &pgx.Batch{}
	batch.Queue(`select c.id, a.id, a.username, a.full_name,
		array(select y.id::text from opportunity y where y.client_id = c.id and y.closed_at is null and y.voided_at is null order by y.id desc)
		from client c, advisor a where c.id = $1 and a.id = $2`, body.ClientID, by)
	batch.Queue(`insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
		values ($1, $2, $3, $4, $5, $6) returning id`, body.ClientID, by, phone(body.Contact.OriginPhone), body.Contact.SerialNumber, asked, right)
	batch.Queue(`insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
		stage_id, stage, closed_at, current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
		competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator, phone_to_manage, additional_line,
		advertising_acceptance_id, advertising_acceptance)
		values ($1, currval('contact_id_seq'), $2, $3, $4, $5, $6, $7, $8, case when $9::boolean then now() end, $10, $11, $12, $13, $14,
		$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) returning id, created_at, updated_at, closed_at`,
		body.ClientID, by, campaignID, o.Campaign, subCampaignID, o.SubCampaign, stageID, o.Stage, *stage != openStage,
		o.Service.CurrentPlan, activation, o.Service.PriorConsultation, reasonID, o.Diagnosis.Reason, planID, offer.Plan, offerID, offer.Offer,
		channelID, offer.Channel, operatorID, offer.Operator, offer.PhoneToManage, offer.AdditionalLine,
		acceptanceID, o.Closure.AdvertisingAcceptance)
	for i, a := range o.Actions {
		batch.Queue(`insert into action (opportunity_id, action_id, action, final_state_id, final_state)
			values (currval('opportunity_id_seq'), $1, $2, $3, $4) returning id`, actionIDs[i], a.Action, stateIDs[i], a.FinalState)
	}
	if acceptanceID != nil {
		batch.Queue(`insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance)
			values ($1, currval('opportunity_id_seq'), currval('contact_id_seq'), $2, $3, $4)`,
			body.ClientID, by, acceptanceID, o.Closure.AdvertisingAcceptance)
	}
	batch.Queue(`insert into audit (advisor_id, session_id, address, operation, object_type, object_id, action, client_id, opportunity_id, after)
		values ($1, $2, $3, 'typification_create', 'opportunity', currval('opportunity_id_seq'), 'insert', $4, currval('opportunity_id_seq'), $5)`,
		by, c.GetInt64("session"), c.ClientIP(), body.ClientID, after)
	results := s.pool.SendBatch(c, batch)
	if err := o.scanMade(results, acceptanceID != nil); err != nil {
		results.Close()
		return nil, err
	}
	if err := results.Close(); err != nil {
		return nil, err
	}
	o.setMissing()
	return o, nil
}

// scanMade reads the results of create's statements, in order.
func (o *opportunity) scanMade(results pgx.BatchResults, consented bool) error {
	var created, updated time.Time
	var closed *time.Time
	err := results.QueryRow().Scan(&o.ClientID, &o.Advisor.ID, &o.Advisor.Username, &o.Advisor.FullName, &o.OtherOpen)
	if err == nil {
		err = results.QueryRow().Scan(&o.ContactID)
	}
	if err == nil {
		err = results.QueryRow().Scan(&o.ID, &created, &updated, &closed)
	}
	for i := 0; err == nil && i < len(o.Actions); i++ {
		err = results.QueryRow().Scan(&o.Actions[i].ID)
	}
	if err == nil && consented {
		_, err = results.Exec()
	}
	if err == nil {
		_, err = results.Exec()
	}
	o.CreatedAt, o.UpdatedAt, o.Closure.ClosedAt = instant(created), instant(updated), (*instant)(closed)
	return err
}
