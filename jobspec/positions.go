package jobspec

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// position returns where the value at path was written, or the closest value
// or block around it; around is that one's path.
func (d *decoder) position(path string) (at hcl.Range, around string) {
	for p := path; ; p = parentPath(p) {
		if at, ok := d.at[p]; ok {
			return at, p
		}
		if p == "" {
			return hcl.Range{Filename: d.ds.main, Start: firstPos, End: firstPos}, ""
		}
	}
}

// reported says whether the value at path, or one it is part of or made from,
// has been refused already.
func (d *decoder) reported(path string) bool {
	for p := path; ; p = parentPath(p) {
		if d.bad[p] {
			return true
		}
		if p == "" {
			break
		}
	}
	for p := range d.bad {
		if strings.HasPrefix(p, path+".") || strings.HasPrefix(p, path+"[") {
			return true
		}
	}
	return false
}

// parentPath drops the last step: "groups[0].name" → "groups[0]" → "groups" → "".
func parentPath(p string) string {
	if i := strings.LastIndexAny(p, ".["); i >= 0 {
		return p[:i]
	}
	return ""
}
