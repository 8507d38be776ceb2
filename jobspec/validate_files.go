package jobspec

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"text/template/parse"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/internal/pattern"
)

var (
	digestSyntax = pattern.New(`^(md5|sha1|sha256|sha512):([0-9A-Fa-f]+)$`)
	digestLength = map[string]int{"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
	digestOf     = map[int]string{32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
	permsSyntax  = pattern.New(`^0?[0-7]{3}$`)
	headerSyntax = pattern.New("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // token of RFC 9110

	artifactModes = []string{"any", "file", "dir"}
)

// getterSchemes are sources of go-getter, which Nomad has and tender lacks.
var getterSchemes = pattern.New(`^((git|hg|s3|gcs|http|https|file)::|git@|git://|ssh://|s3://|gs://|gcs://|ftp://|sftp://|github\.com/|gitlab\.com/|bitbucket\.org/)`)

func (c *checker) artifact(at string, a *model.Artifact) {
	c.source(at+".source", a.Source)
	c.destination(at+".destination", "destination", a.Destination)
	c.checksum(at+".checksum", a.Checksum)
	c.oneOf(at+".mode", "mode", a.Mode, artifactModes)
	for _, name := range sortedKeys(a.Headers) {
		if !headerSyntax().MatchString(name) || strings.ContainsAny(a.Headers[name], "\r\n\x00") {
			c.fail(at+".headers."+name, fmt.Sprintf("%q cannot be sent as an HTTP header", name), "")
		}
	}
}

func (c *checker) source(at, s string) {
	scheme, rest, _ := strings.Cut(s, "://")
	switch {
	case s == "":
		c.fail(at, "the artifact has no source", `write source = "https://…" or "file:///…"`)
		return
	case getterSchemes().MatchString(s):
		c.fail(at, fmt.Sprintf("sources such as %q are not supported yet", shorten(s)), "name an archive with https://, http:// or file://, or fetch it in the task")
		return
	case strings.HasPrefix(s, "/"):
		c.fail(at, fmt.Sprintf("source %q is a path", s), fmt.Sprintf("write %q", "file://"+s))
		return
	case scheme == "file" && !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "${"):
		c.fail(at, fmt.Sprintf("source %q is not an absolute path", s), fmt.Sprintf("write %q", "file:///"+rest))
		return
	case scheme != "file" && scheme != "http" && scheme != "https" || rest == "":
		if strings.HasPrefix(s, "${") {
			return // the whole URL is known on the agent
		}
		c.fail(at, fmt.Sprintf("source %q is not a URL that can be fetched", shorten(s)), "it starts with https://, http:// or file:///")
		return
	}
	if strings.Contains(s, "${") {
		return
	}
	u, err := url.Parse(s)
	if err != nil {
		c.fail(at, fmt.Sprintf("source %q is not a URL: %v", shorten(s), err), "")
		return
	}
	for _, option := range []string{"checksum", "archive", "filename"} {
		if u.Query().Has(option) {
			c.fail(at, fmt.Sprintf("%s= in a source is an option of Nomad's, not of the server", option),
				map[string]string{
					"checksum": fmt.Sprintf("write checksum = %q in the artifact block", u.Query().Get(option)),
					"archive":  `write mode = "file" in the artifact block`,
					"filename": `write destination and mode = "file" in the artifact block`,
				}[option])
		}
	}
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

// destination checks a path below the task's directory.
func (c *checker) destination(at, what, p string) {
	switch {
	case p == "":
		c.fail(at, "there is no "+what, `write one such as "local/data"`)
	case strings.HasPrefix(p, "/"):
		c.fail(at, fmt.Sprintf("%s %q is absolute", what, p), fmt.Sprintf("it is below the task's directory: write %q", "local/"+path.Base(p)))
	case escapes(p):
		c.fail(at, fmt.Sprintf("%s %q leaves the task's directory", what, p), "")
	}
	c.plainText(at, what, p)
}

// escapes reports whether a relative path leads out of its directory.
func escapes(p string) bool {
	if strings.HasPrefix(p, "/") {
		return false
	}
	p = path.Clean(p)
	return p == ".." || strings.HasPrefix(p, "../")
}

func (c *checker) checksum(at, sum string) {
	if sum == "" {
		return
	}
	m := digestSyntax().FindStringSubmatch(sum)
	switch {
	case m == nil && digestOf[len(sum)] != "":
		c.fail(at, "the checksum lacks its kind", fmt.Sprintf("write %q", digestOf[len(sum)]+":"+sum))
	case m == nil:
		c.fail(at, fmt.Sprintf("checksum %q cannot be read", shorten(sum)), `write it as "sha256:HEX"; md5, sha1 and sha512 are known too`)
	case len(m[2]) != digestLength[m[1]]:
		c.fail(at, fmt.Sprintf("the checksum kind %s has %d hex digits, not %d", m[1], digestLength[m[1]], len(m[2])), "")
	}
}

func (c *checker) template(at string, t *model.Template) {
	switch {
	case t.Data == "" && t.Source == "":
		c.fail(at, "the template has neither data nor source", "write data = <<EOT … EOT")
	case t.Data != "" && t.Source != "":
		c.fail(at+".source", "a template has either data or source", "remove one of them")
	}
	if t.Source != "" && escapes(t.Source) {
		c.fail(at+".source", fmt.Sprintf("source %q leaves the task's directory", t.Source), "")
	}
	c.destination(at+".destination", "destination", t.Destination)
	if !permsSyntax().MatchString(t.Perms) {
		c.fail(at+".perms", fmt.Sprintf("perms %q is not an octal mode", t.Perms), `write it as "0644"`)
	}
	if t.LeftDelim == "" || t.RightDelim == "" || t.LeftDelim == t.RightDelim {
		c.fail(at+".left_delimiter", "the delimiters of a template must differ and not be empty", "")
		return
	}
	c.templateSyntax(at+".data", t)
}

// templateSyntax parses a text/template without knowing its functions, so that
// an unclosed action is found before the task is placed.
func (c *checker) templateSyntax(at string, t *model.Template) {
	tree := parse.New("template")
	tree.Mode = parse.SkipFuncCheck
	if strings.Count(t.Data, t.LeftDelim) > maxTemplateActions || strings.Count(t.Data, "(") > maxTemplateActions {
		c.fail(at, fmt.Sprintf("the template has more than %d actions", maxTemplateActions), "fetch it as an artifact")
		return
	}
	if _, err := tree.Parse(t.Data, t.LeftDelim, t.RightDelim, map[string]*parse.Tree{}); err != nil {
		where, what, found := strings.Cut(strings.TrimPrefix(err.Error(), "template: "), ": ")
		if found {
			c.fail(at, fmt.Sprintf("the template cannot be read: line %s: %s", strings.TrimPrefix(where, "template:"), what), "")
			return
		}
		c.fail(at, fmt.Sprintf("the template cannot be read: %v", err), "")
	}
}

// maxTemplateActions bounds the recursion of the template parser.
const maxTemplateActions = 10_000
