package main

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v4"
)

const pageSize = 15

const clientSQL = `select c.id, c.name, c.document_type, c.document_number, c.external_id, c.phone, c.email, c.gender, c.birth_date,
	c.legal_representative, c.lines, c.plan, c.activation_date, c.trac_profile, c.observed, c.claro_points, c.segment, c.mi_claro,
	c.expiring_points, c.overdue_payment, c.latam_partner, c.created_at, c.updated_at, c.erased_at,
	n.advertising_acceptance, n.created_at, n.opportunity_id, a.id, a.username, a.full_name
	from client_phone p join client c on c.id = p.client_id
	left join lateral (select advertising_acceptance, created_at, opportunity_id, advisor_id from consent
		where client_id = c.id order by created_at desc, id desc limit 1) n on true
	left join advisor a on a.id = n.advisor_id
	where p.phone = $1 and (c.created_at, c.id) < ($2, $3)
	order by c.created_at desc, c.id desc limit $4`

const opportunitySQL = `select o.id, o.client_id, o.contact_id, o.campaign, o.sub_campaign, o.stage, o.current_plan, o.activation_date,
	o.prior_consultation, o.reason, o.competitor_plan, o.competitor_offer, o.offer_channel, o.operator, o.phone_to_manage,
	o.additional_line, o.advertising_acceptance, o.closed_at, o.voided_at, o.void_reason, o.created_at, o.updated_at,
	a.id, a.username, a.full_name, v.id, v.username, v.full_name, o.follow_up_at, o.follow_up_note,
	o.reopened_at, w.id, w.username, w.full_name,
	array(select y.id::text from opportunity y where y.client_id = o.client_id and y.id <> o.id and y.closed_at is null
		and y.voided_at is null order by y.id desc)
	from opportunity o join advisor a on a.id = o.advisor_id left join advisor v on v.id = o.voided_by
	left join advisor w on w.id = o.reopened_by `

const actionSQL = `select opportunity_id, id, action, final_state from action `

// phone normalises '+51 944 264 648' to '944264648'.
func phone(written string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, written)
	if len(digits) > 9 {
		digits = digits[len(digits)-9:]
	}
	return digits
}

// A cursor holds the instant and the id of the page's last item.
func cursorOf(at instant, id int64) *string {
	text := base64.RawURLEncoding.EncodeToString([]byte(time.Time(at).UTC().Format(time.RFC3339Nano) + " " + strconv.FormatInt(id, 10)))
	return &text
}

func before(c *gin.Context) (time.Time, int64, error) {
	text := c.Query("cursor")
	if text == "" {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	words := strings.SplitN(string(raw), " ", 2)
	if err != nil || len(words) != 2 {
		return time.Time{}, 0, errors.New("bad cursor")
	}
	at, errAt := time.Parse(time.RFC3339Nano, words[0])
	id, errID := strconv.ParseInt(words[1], 10, 64)
	if errAt != nil || errID != nil {
		return time.Time{}, 0, errors.New("bad cursor")
	}
	return at, id, nil
}

func (s *server) clientSearch(c *gin.Context) {
	at, id, err := before(c)
	if err != nil {
		problem(c, http.StatusBadRequest, "bad_cursor")
		return
	}
	rows, err := s.pool.Query(c, clientSQL, phone(c.Query("phone")), at, id, pageSize+1)
	if err != nil {
		problem(c, http.StatusInternalServerError, "internal")
		return
	}
	defer rows.Close()
	items := []*client{}
	for rows.Next() {
		one, err := scanClient(rows)
		if err != nil {
			problem(c, http.StatusInternalServerError, "internal")
			return
		}
		items = append(items, one)
	}
	if rows.Err() != nil {
		problem(c, http.StatusInternalServerError, "internal")
		return
	}
	answer := page{Items: items}
	if len(items) > pageSize {
		answer.Items = items[:pageSize]
		answer.Next = cursorOf(items[pageSize-1].CreatedAt, items[pageSize-1].ID)
	}
	c.JSON(http.StatusOK, answer)
}

func scanClient(rows pgx.Row) (*client, error) {
	one, ad := &client{}, &advertising{}
	var birth, activation *time.Time
	var created, updated time.Time
	var erased, asked *time.Time
	var advisorID *int64
	var advisorName *string
	err := rows.Scan(&one.ID, &one.Name, (*[]byte)(&one.DocumentType), &one.DocumentNumber, &one.ExternalID, &one.Phone, &one.Email, &one.Gender, &birth,
		&one.LegalRepresentative, &one.Sales.Lines, &one.Sales.Plan, &activation, &one.Summary360.TracProfile,
		&one.Summary360.Observed, &one.Summary360.ClaroPoints, &one.Summary360.Segment, &one.Summary360.MiClaro,
		&one.Experience.ExpiringPoints, &one.Experience.OverduePayment, &one.Experience.LatamPartner, &created, &updated,
		&erased, (*[]byte)(&ad.Acceptance), &asked, &ad.OpportunityID, &advisorID, &ad.Advisor.Username,
		&advisorName)
	if err != nil {
		return nil, err
	}
	one.BirthDate, one.Sales.ActivationDate = (*day)(birth), (*day)(activation)
	one.CreatedAt, one.UpdatedAt, one.ErasedAt = instant(created), instant(updated), (*instant)(erased)
	one.Experience.BirthdayToday = birthdayToday(birth)
	// A withdrawn consent has no answer.
	if ad.Acceptance != nil {
		ad.At, ad.Advisor.ID, ad.Advisor.FullName = (*instant)(asked), *advisorID, *advisorName
		one.Advertising = ad
	}
	return one, nil
}

func scanOpportunity(row pgx.Row) (*opportunity, error) {
	o := &opportunity{Actions: []action{}}
	var activation, voidedAt, closed *time.Time
	var created, updated time.Time
	var voidReason, voiderUsername, voiderName *string
	var voiderID, reopenerID *int64
	var followUpAt, reopenedAt *time.Time
	var followUpNote, reopenerUsername, reopenerName *string
	offer := &o.CompetitorOffer
	err := row.Scan(&o.ID, &o.ClientID, &o.ContactID, (*[]byte)(&o.Campaign), (*[]byte)(&o.SubCampaign), (*[]byte)(&o.Stage),
		&o.Service.CurrentPlan, &activation, &o.Service.PriorConsultation, (*[]byte)(&o.Diagnosis.Reason), (*[]byte)(&offer.Plan),
		(*[]byte)(&offer.Offer), (*[]byte)(&offer.Channel), (*[]byte)(&offer.Operator), &offer.PhoneToManage, &offer.AdditionalLine,
		(*[]byte)(&o.Closure.AdvertisingAcceptance), &closed, &voidedAt, &voidReason, &created, &updated,
		&o.Advisor.ID, &o.Advisor.Username, &o.Advisor.FullName, &voiderID, &voiderUsername, &voiderName,
		&followUpAt, &followUpNote, &reopenedAt, &reopenerID, &reopenerUsername, &reopenerName, &o.OtherOpen)
	if err != nil {
		return nil, err
	}
	o.Service.ActivationDate = (*day)(activation)
	o.CreatedAt, o.UpdatedAt = instant(created), instant(updated)
	o.Closure.Stage, o.Closure.ClosedAt = o.Stage, (*instant)(closed)
	if voidedAt != nil && voiderID != nil {
		o.Voided = &voided{At: instant(*voidedAt), Advisor: advisor{*voiderID, voiderUsername, *voiderName}, Reason: voidReason}
	}
	if followUpAt != nil {
		o.FollowUp = &followUp{At: instant(*followUpAt), Note: followUpNote}
	}
	if reopenedAt != nil && reopenerID != nil {
		o.Reopened = &reopened{At: instant(*reopenedAt), Advisor: advisor{*reopenerID, reopenerUsername, *reopenerName}}
	}
	return o, nil
}

func scanAction(row pgx.Row) (int64, action, error) {
	var of int64
	var a action
	err := row.Scan(&of, &a.ID, (*[]byte)(&a.Action), (*[]byte)(&a.FinalState))
	return of, a, err
}

func (s *server) opportunityGet(c *gin.Context) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		problem(c, http.StatusNotFound, "not_found")
		return
	}
	o, err := s.opportunity(c, id)
	if errors.Is(err, pgx.ErrNoRows) {
		problem(c, http.StatusNotFound, "not_found")
	} else if err != nil {
		problem(c, http.StatusInternalServerError, "internal")
	} else {
		c.JSON(http.StatusOK, o)
	}
}

// opportunity reads the opportunity and its actions in one round trip.
func (s *server) opportunity(c *gin.Context, id int64) (*opportunity, error) {
	batch := &pgx.Batch{}
	batch.Queue(opportunitySQL+"where o.id = $1", id)
	batch.Queue(actionSQL+"where opportunity_id = $1 order by id", id)
	results := s.pool.SendBatch(c, batch)
	defer results.Close()
	o, err := scanOpportunity(results.QueryRow())
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		_, a, err := scanAction(rows)
		if err != nil {
			return nil, err
		}
		o.Actions = append(o.Actions, a)
	}
	o.setMissing()
	return o, rows.Err()
}

func (s *server) clientOpportunityList(c *gin.Context) {
	clientID, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		problem(c, http.StatusNotFound, "not_found")
		return
	}
	at, id, err := before(c)
	if err != nil {
		problem(c, http.StatusBadRequest, "bad_cursor")
		return
	}
	items, err := s.clientOpportunities(c, clientID, at, id)
	if errors.Is(err, pgx.ErrNoRows) {
		problem(c, http.StatusNotFound, "not_found")
		return
	} else if err != nil {
		problem(c, http.StatusInternalServerError, "internal")
		return
	}
	answer := page{Items: items}
	if len(items) > pageSize {
		answer.Items = items[:pageSize]
		answer.Next = cursorOf(items[pageSize-1].CreatedAt, items[pageSize-1].ID)
	}
	c.JSON(http.StatusOK, answer)
}

func (s *server) clientOpportunities(c *gin.Context, clientID int64, at time.Time, id int64) ([]*opportunity, error) {
	conn, err := s.pool.Acquire(c)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	rows, err := conn.Query(c, opportunitySQL+`where o.client_id = $1 and o.voided_at is null and (o.created_at, o.id) < ($2, $3)
		order by o.created_at desc, o.id desc limit $4`, clientID, at, id, pageSize+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	items, ids, byID := []*opportunity{}, []int64{}, map[int64]*opportunity{}
	for rows.Next() {
		o, err := scanOpportunity(rows)
		if err != nil {
			return nil, err
		}
		items = append(items, o)
		if len(items) <= pageSize {
			ids = append(ids, o.ID)
			byID[o.ID] = o
		}
	}
	if rows.Err() != nil {
		return nil, rows.Err()
	}
	if len(items) == 0 {
		return items, conn.QueryRow(c, "select id from client where id = $1", clientID).Scan(&clientID)
	}
	rows, err = conn.Query(c, actionSQL+"where opportunity_id = any($1) order by id", ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		of, a, err := scanAction(rows)
		if err != nil {
			return nil, err
		}
		byID[of].Actions = append(byID[of].Actions, a)
	}
	for _, o := range items {
		o.setMissing()
	}
	return items, rows.Err()
}
