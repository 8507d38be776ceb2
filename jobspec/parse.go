package jobspec

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tender-scheduler/tender/core/model"
)

// Options is what a job file may depend on besides its text.
type Options struct {
	Filename string                            // for positions; "job.hcl" if empty
	Vars     map[string]string                 // --var NAME=VALUE, as typed
	VarFiles []VarFile                         // --var-file; a later one wins
	Environ  []string                          // NAME=VALUE; TENDER_VAR_x sets variable x
	ReadFile func(name string) ([]byte, error) // for file(); nil refuses it
}

// VarFile is a file of variable values, NAME = VALUE each.
type VarFile struct {
	Name string
	Src  []byte
}

// Parse reads a job file. The job is whole, with all defaults, and has passed
// Validate; it is nil if the diagnostics hold an error. They are never nil.
func Parse(src []byte, o Options) (*model.Job, *Diagnostics) {
	if o.Filename == "" {
		o.Filename = "job.hcl"
	}
	text := bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	ds := newDiagnostics(o.Filename, text)
	if !boundSize(ds, o.Filename, src) {
		return nil, ds.finish()
	}
	body, ok := parseBody(ds, text, o.Filename)
	if body == nil {
		return nil, ds.finish()
	}
	d := &decoder{
		ds: ds, meter: &meter{}, names: &names{}, broken: !ok,
		ctx: &hcl.EvalContext{Functions: functions(o.ReadFile)},
		at:  map[string]hcl.Range{}, bad: map[string]bool{}, opened: map[string]bool{}, strayed: map[string]bool{},
	}
	d.prepare().body(body)
	job := d.file(body, o)
	if job != nil {
		d.check(job)
		d.keepSource(job, string(src))
	}
	if d.broken {
		ds.dropEchoes()
	}
	if ds.finish().HasErrors() {
		return nil, ds
	}
	return job, ds
}

// filePath stands for the top level of a file, which is no part of the job.
const filePath = "file"

// file decodes the top level: variables, then locals, then the job.
func (d *decoder) file(body *hclsyntax.Body, o Options) *model.Job {
	top := &node{
		d: d, shape: fileShape, title: fileShape.title, path: filePath,
		block: block{body: body, ctx: d.ctx, header: body.MissingItemRange()}, blocks: map[string][]block{},
	}
	top.checkAttributes()
	for _, b := range body.Blocks {
		top.admit(plainBlock(b, d.ctx))
	}
	d.variables(top, o)
	d.locals(top)

	jobs := top.blocks["job"]
	if len(jobs) == 0 && d.strayed[filePath] {
		return nil // a misspelt job block
	}
	if len(jobs) == 0 {
		d.lacks(hcl.Range{Filename: o.Filename, Start: firstPos, End: firstPos}, "there is no job block",
			"a job file holds one", "write job \"name\" { … }, or start from: tender init")
		return nil
	}
	for _, more := range jobs[1:] {
		d.ds.at(more.header, "a file holds one job",
			fmt.Sprintf("the first is in line %d", jobs[0].header.Start.Line), "put it in a file of its own; depends_on ties jobs together")
	}
	return d.job(jobs[0])
}

// check runs the checks that every job must pass and reports what they find
// where it was written.
func (d *decoder) check(job *model.Job) {
	if d.meter.exceeded != "" {
		return // the job is not whole
	}
	named := map[hcl.Range]bool{}
	for _, p := range Validate(job) {
		if d.reported(p.Path) {
			continue
		}
		at, around := d.position(p.Path)
		if d.opened[around] && (d.broken || d.strayed[around]) {
			continue // what a block lacks may be what is misspelt
		}
		if strings.HasSuffix(p.Path, ".name") {
			if named[at] {
				continue // a task in the job itself and its group share their name
			}
			named[at] = true
		}
		d.ds.at(at, p.Message, "", p.Hint)
	}
}

// keepSource keeps the file's text with the job if there is room for both.
func (d *decoder) keepSource(job *model.Job, src string) {
	job.Source = src
	if len(Canonical(job)) <= model.MaxJobBytes {
		return
	}
	job.Source = ""
	if len(Canonical(job)) > model.MaxJobBytes {
		return // Validate has reported it
	}
	at := hcl.Range{Filename: d.ds.main, Start: firstPos, End: firstPos}
	d.ds.add(locate(Diagnostic{
		Severity: SeverityWarning,
		Summary:  "the file is too long to be kept with the job",
		Detail:   fmt.Sprintf("the job and its text may have %s together; tender job --hcl will not show it", model.FormatBytes(model.MaxJobBytes)),
	}, at))
}
