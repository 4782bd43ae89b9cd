// The official Go client over HTTP, unmodified: what its users do. Run by tests/it/official_clients.rs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"net"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

const rows = 300_000

const columns = `n UInt64, text String, kind LowCardinality(String), id UUID, at DateTime64(3, 'UTC'),
	part Nullable(Float64), weight Float64, address IPv6, tags Array(String)`

type event struct {
	N       uint64    `ch:"n"`
	Text    string    `ch:"text"`
	Kind    string    `ch:"kind"`
	ID      uuid.UUID `ch:"id"`
	At      time.Time `ch:"at"`
	Part    *float64  `ch:"part"`
	Weight  float64   `ch:"weight"`
	Address net.IP    `ch:"address"`
	Tags    []string  `ch:"tags"`
}

func nth(n uint64) event {
	made := event{
		N:       n,
		Text:    fmt.Sprintf("row %d\t'\n\\ ünïcode", n),
		Kind:    fmt.Sprintf("kind %d", n%17),
		ID:      uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)),
		At:      time.UnixMilli(1_790_000_000_000 + int64(n)*37).UTC(),
		Weight:  math.Sqrt(float64(n)),
		Address: net.ParseIP(fmt.Sprintf("2001:db8::%x:%x", n>>16, n&0xffff)),
		Tags:    []string{},
	}
	if n%3 != 0 {
		part := float64(n) / 3
		made.Part = &part
	}
	for tag := range n % 4 {
		made.Tags = append(made.Tags, fmt.Sprintf("tag %d", tag))
	}
	return made
}

func (e event) line() string {
	part := "none"
	if e.Part != nil {
		part = fmt.Sprintf("%x", math.Float64bits(*e.Part))
	}
	return fmt.Sprintln(e.N, e.Text, e.Kind, e.ID, e.At.UTC().UnixMilli(), part, math.Float64bits(e.Weight), e.Address, e.Tags)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func code(err error) int32 {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return exception.Code
	}
	fmt.Fprintln(os.Stderr, "not an exception:", err)
	return 0
}

func open(options clickhouse.Options) driver.Conn {
	options.Addr = []string{strings.TrimPrefix(os.Getenv("STORE_URL"), "http://")}
	options.Protocol = clickhouse.HTTP
	options.Auth = clickhouse.Auth{Database: "store", Username: "writer", Password: os.Getenv("STORE_PASSWORD")}
	opened, err := clickhouse.Open(&options)
	must(err)
	return opened
}

// Writes all rows as one batch and reads them back as they come; gives what was written and what was read.
func roundTrip(ctx context.Context, store driver.Conn, table string, rows uint64) (written, read uint32, count uint64) {
	must(store.Exec(ctx, "CREATE TABLE "+table+" ("+columns+") ENGINE = MergeTree ORDER BY n"))
	batch, err := store.PrepareBatch(ctx, "INSERT INTO "+table)
	must(err)
	sum := crc32.NewIEEE()
	for n := range rows {
		made := nth(n)
		sum.Write([]byte(made.line()))
		must(batch.AppendStruct(&made))
	}
	must(batch.Send())
	written = sum.Sum32()

	sum.Reset()
	found, err := store.Query(ctx, "SELECT * FROM "+table+" ORDER BY n")
	must(err)
	for found.Next() {
		var one event
		must(found.ScanStruct(&one))
		sum.Write([]byte(one.line()))
		count++
	}
	must(found.Err())
	must(found.Close())
	return written, sum.Sum32(), count
}

func main() {
	ctx := context.Background()
	store := open(clickhouse.Options{})
	must(store.Ping(ctx))
	version, err := store.ServerVersion()
	must(err)
	told := map[string]any{"version": version.Version.String()}

	written, read, count := roundTrip(ctx, store, "go_events", rows)
	told["rows"], told["same"] = count, written == read
	told["compressed"] = map[string]bool{}
	for _, method := range []clickhouse.CompressionMethod{
		clickhouse.CompressionLZ4, clickhouse.CompressionZSTD, clickhouse.CompressionGZIP, clickhouse.CompressionBrotli,
	} {
		packed := open(clickhouse.Options{Compression: &clickhouse.Compression{Method: method, Level: 3}})
		written, read, count := roundTrip(ctx, packed, "go_events_"+method.String(), 20_000)
		_, err := packed.Query(ctx, "SELECT nope FROM go_events")
		told["compressed"].(map[string]bool)[method.String()] = count == 20_000 && written == read && code(err) == 47
	}

	var bound string
	must(store.QueryRow(ctx, "SELECT {a:String}", clickhouse.Named("a", "it's \\ a\ttab")).Scan(&bound))
	told["bound"] = bound
	table, err := ext.NewTable("brought", ext.Column("a", "UInt32"), ext.Column("b", "Nullable(String)"))
	must(err)
	for n := range uint32(1000) {
		must(table.Append(n, nil))
	}
	var sum, none uint64
	with := clickhouse.Context(ctx, clickhouse.WithExternalTable(table))
	must(store.QueryRow(with, "SELECT sum(a), countIf(b IS NULL) FROM brought").Scan(&sum, &none))
	told["brought"] = []uint64{sum, none}

	_, err = store.Query(ctx, "SELECT nope FROM go_events")
	told["wrong"] = code(err)
	told["wrong_exec"] = code(store.Exec(ctx, "DROP TABLE nowhere"))
	// The exception comes after rows.
	failing, err := store.Query(ctx, "SELECT number, throwIf(number = 2900000, 'boom') FROM numbers(3000000)")
	must(err)
	for failing.Next() {
	}
	told["wrong_amid"] = code(failing.Err())

	// database/sql, as most programs have it.
	db := clickhouse.OpenDB(&clickhouse.Options{
		Addr:     []string{strings.TrimPrefix(os.Getenv("STORE_URL"), "http://")},
		Protocol: clickhouse.HTTP,
		Auth:     clickhouse.Auth{Database: "store", Username: "writer", Password: os.Getenv("STORE_PASSWORD")},
	})
	var counted uint64
	must(db.QueryRow("SELECT count() FROM go_events WHERE n < ?", 1000).Scan(&counted))
	told["sql"] = counted
	must(json.NewEncoder(os.Stdout).Encode(told))
}
