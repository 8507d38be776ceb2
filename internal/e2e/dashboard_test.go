package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	prometheusquery "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/prometheus/prometheus/promql/parser"
)

// classic is a dashboard of the schema that every Grafana reads.
type classic = dashboard.Dashboard //nolint:staticcheck // it prefers the next schema, which few read

const dashboardFile = "../../docs/grafana/tender.json"

// loadDashboard reads the dashboard as Grafana's own types have it: a field that
// they do not know, or of another type, is an error.
func loadDashboard(t *testing.T) *classic {
	t.Helper()
	known := cog.NewRuntime()
	known.RegisterPanelcfgVariant(bargauge.VariantConfig())
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(prometheusquery.VariantConfig())
	b, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	d, err := decodeDashboard(b)
	if err != nil {
		t.Fatalf("%s is no dashboard: %v", dashboardFile, err)
	}
	return d
}

func decodeDashboard(b []byte) (*classic, error) {
	var strict, d classic
	if err := faults(strict.UnmarshalJSONStrict(b)); err != nil {
		return nil, err
	}
	// Of what it decodes strictly it keeps half.
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, err
	}
	return &d, faults(d.Validate())
}

// faults is err, unless that is a list of no faults, which the library returns when
// all is well.
func faults(err error) error {
	if list, ok := errors.AsType[cog.BuildErrors](err); ok && len(list) == 0 {
		return nil
	}
	return err
}

// panels are all panels but the rows that hold them together.
func panels(d *classic) (out []dashboard.Panel) {
	for _, p := range d.Panels {
		if p.Panel != nil {
			out = append(out, *p.Panel)
		} else {
			out = append(out, p.RowPanel.Panels...)
		}
	}
	return out
}

// queries are the dashboard's, by what asks them.
func queries(t *testing.T, d *classic) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range panels(d) {
		switch p.Options.(type) {
		case *bargauge.Options, *stat.Options, *timeseries.Options:
		default:
			t.Errorf("panel %q is a %s, which this test cannot check", *p.Title, p.Type)
		}
		for _, target := range p.Targets {
			q, ok := target.(*prometheusquery.Dataquery)
			if !ok {
				t.Errorf("panel %q asks something else than Prometheus: %T", *p.Title, target)
				continue
			}
			out["panel "+*p.Title+", "+*q.RefId] = q.Expr
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != nil {
			out["annotation "+a.Name] = *a.Expr
		}
	}
	return out
}

// TestDashboard: Grafana can load the dashboard, every panel has a place of its
// own, and its queries are PromQL.
func TestDashboard(t *testing.T) {
	d := loadDashboard(t)
	if d.Title == nil || d.SchemaVersion == 0 || len(panels(d)) == 0 {
		t.Errorf("title %v, schema version %d, %d panels", d.Title, d.SchemaVersion, len(panels(d)))
	}
	type place struct{ x, y uint32 }
	ids, taken := map[uint32]string{}, map[place]string{}
	for _, p := range panels(d) {
		at := *p.GridPos
		if other, ok := ids[*p.Id]; ok || at.X+at.W > 24 {
			t.Errorf("panel %q has the number of %q, or is not on the page: %+v", *p.Title, other, at)
		}
		ids[*p.Id] = *p.Title
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other, ok := taken[place{x, y}]; ok {
					t.Fatalf("panel %q lies over %q", *p.Title, other)
				}
				taken[place{x, y}] = *p.Title
			}
		}
	}
	b, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"schemaVersion", "gridPos", "fieldConfig", "fillOpacity", "reduceOptions", "expr", "allValue"} {
		if _, err := decodeDashboard(bytes.Replace(b, []byte(`"`+field+`"`), []byte(`"no such field"`), 1)); err == nil {
			t.Errorf("another name for the field %q is not found", field)
		}
	}
	for where, expr := range queries(t, d) {
		if _, err := parser.NewParser(parser.Options{}).ParseExpr(plainQuery(expr)); err != nil {
			t.Errorf("%s asks %s: %v", where, expr, err)
		}
	}
}

// plainQuery has values in the place of Grafana's variables.
func plainQuery(expr string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$job", ".*").Replace(expr)
}

var metricNames = regexp.MustCompile(`\b(tender|process|go)_[a-z_]+\b`)

// checkDashboard holds that every figure that the dashboard shows is told.
func checkDashboard(t *testing.T, told scrape) {
	t.Helper()
	for where, expr := range queries(t, loadDashboard(t)) {
		names := metricNames.FindAllString(expr, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for nothing: %s", where, expr)
		}
		for _, name := range names {
			if told[name] == nil && told[strings.TrimSuffix(name, "_bucket")] == nil {
				t.Errorf("%s asks for %s, which nobody tells", where, name)
			}
		}
	}
}
