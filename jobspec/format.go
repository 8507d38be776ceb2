package jobspec

import (
	"bytes"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// maxFormatPasses bounds the search for a layout that formatting leaves alone.
const maxFormatPasses = 8

// Format lays a file out in HCL's canonical style: two spaces a level, equals
// signs of a run of lines under each other, no trailing blanks, one newline at
// the end. Only white space changes. A file with syntax errors comes back as it
// was, with the diagnostics; names and values are not looked at.
func Format(src []byte, filename string) ([]byte, *Diagnostics) {
	if filename == "" {
		filename = "job.hcl"
	}
	ds := newDiagnostics(filename, src)
	if !boundSize(ds, filename, src) {
		return src, ds.finish()
	}
	if _, ok := parseBody(ds, src, filename); !ok {
		return src, ds.finish()
	}
	out := src
	for range maxFormatPasses {
		next := endWithNewline(hclwrite.Format(out))
		if bytes.Equal(next, out) {
			break
		}
		out = next
	}
	return out, ds.finish()
}

func endWithNewline(b []byte) []byte {
	b = bytes.TrimRight(b, " \t\r\n")
	if len(b) == 0 {
		return b
	}
	return append(b, '\n')
}
