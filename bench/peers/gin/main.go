// gin - the peer in Go: gin, pgx, golang-jwt and encoding/json. See "Against peers" in docs/performance.md.
//
//	LISTEN=127.0.0.1:PORT DATABASE_URL=... JWT_SECRET=... gin
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt"
	"github.com/jackc/pgx/v4/pgxpool"
)

type server struct {
	pool    *pgxpool.Pool
	choices *choices
	secret  []byte
}

type claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
}

func main() {
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns, config.MinConns = 4, 4
	pool, err := pgxpool.ConnectConfig(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{pool: pool, choices: &choices{}, secret: []byte(os.Getenv("JWT_SECRET"))}
	if err := s.choices.load(ctx, pool); err != nil {
		log.Fatal(err)
	}
	go s.choices.refresh(ctx, pool, time.Minute)

	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.GET("/livez", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	v1 := r.Group("/v1", s.authenticate)
	v1.GET("/clients", s.clientSearch)
	v1.GET("/clients/:id/opportunities", s.clientOpportunityList)
	v1.GET("/opportunities/:id", s.opportunityGet)
	v1.POST("/typifications", s.typificationCreate)
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), r))
}

// authenticate puts the advisor's and the session's id into the context.
func (s *server) authenticate(c *gin.Context) {
	var got claims
	token := strings.TrimPrefix(c.GetHeader("Authorization"), "Bearer ")
	_, err := jwt.ParseWithClaims(token, &got, func(*jwt.Token) (interface{}, error) { return s.secret, nil },
		jwt.WithValidMethods([]string{"HS256"}))
	advisor, errAdvisor := strconv.ParseInt(got.Subject, 10, 64)
	session, errSession := strconv.ParseInt(got.Session, 10, 64)
	if err != nil || errAdvisor != nil || errSession != nil || !got.VerifyIssuer("gestor", true) || !got.VerifyAudience("gestor-api", true) {
		problem(c, http.StatusUnauthorized, "unauthorized")
		return
	}
	c.Set("advisor", advisor)
	c.Set("session", session)
}

func problem(c *gin.Context, status int, code string) {
	c.AbortWithStatusJSON(status, gin.H{"status": status, "code": code})
}

var errUnknownChoice = errors.New("unknown choice")
