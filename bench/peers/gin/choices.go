package main

import (
	"context"
	"encoding/json"
	"log"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v4/pgxpool"
)

type choice struct {
	id   int64
	json json.RawMessage
}

// choices keeps the catalogues in memory and reads them again every minute.
type choices struct {
	held atomic.Value // map[[2]string]choice: catalogue and code
}

func (h *choices) load(ctx context.Context, pool *pgxpool.Pool) error {
	rows, err := pool.Query(ctx, `select c.code, i.code, i.id, i.choice from catalog_item i join catalog c on c.id = i.catalog_id
		where i.selectable`)
	if err != nil {
		return err
	}
	defer rows.Close()
	all := map[[2]string]choice{}
	for rows.Next() {
		var catalog, code string
		var one choice
		var text []byte
		if err := rows.Scan(&catalog, &code, &one.id, &text); err != nil {
			return err
		}
		one.json = append(one.json, text...)
		all[[2]string{catalog, code}] = one
	}
	h.held.Store(all)
	return rows.Err()
}

func (h *choices) refresh(ctx context.Context, pool *pgxpool.Pool, every time.Duration) {
	for range time.Tick(every) {
		if err := h.load(ctx, pool); err != nil {
			log.Print(err)
		}
	}
}

// of returns nil without a code, and sets err if the choice is unknown.
func (h *choices) of(catalog string, code *string, err *error) (*int64, json.RawMessage) {
	if code == nil {
		return nil, nil
	}
	one, found := h.held.Load().(map[[2]string]choice)[[2]string{catalog, *code}]
	if !found {
		*err = errUnknownChoice
		return nil, nil
	}
	return &one.id, one.json
}
