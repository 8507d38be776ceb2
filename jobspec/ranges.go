package jobspec

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// badRange is a mistake in a range, with its place in the text.
type badRange struct {
	start, end    int // byte offsets
	summary, hint string
}

// maxRangeParts bounds the comma-separated parts of one range.
const maxRangeParts = 10_000

// parseRanges reads Slurm's --array notation: "0-999:2,2000". The result is
// ascending, does not overlap, and every Last is an index that is in it.
func parseRanges(s string) ([]model.IndexRange, *badRange) {
	whole := func(summary, hint string) *badRange { return &badRange{0, len(s), summary, hint} }
	if head, limit, found := strings.Cut(s, "%"); found {
		return nil, &badRange{len(head), len(s), "a range holds no %", fmt.Sprintf("write range = %q and limit = %s", head, limit)}
	}
	if strings.Count(s, ",") >= maxRangeParts {
		return nil, whole(fmt.Sprintf("a range has at most %d parts", maxRangeParts), "")
	}
	var out []model.IndexRange
	offset := 0
	for part := range strings.SplitSeq(s, ",") {
		r, summary, hint := parseRange(strings.TrimSpace(part))
		if summary != "" {
			return nil, &badRange{offset, offset + max(len(part), 1), summary, hint}
		}
		out = append(out, r)
		offset += len(part) + 1
	}
	slices.SortFunc(out, func(a, b model.IndexRange) int { return cmp.Compare(a.First, b.First) })
	for i := 1; i < len(out); i++ {
		if out[i].First <= out[i-1].Last {
			return nil, whole(fmt.Sprintf("%s and %s overlap", formatRange(out[i-1]), formatRange(out[i])), "each index may be given once, and parts may not interleave")
		}
	}
	return out, nil
}

func parseRange(s string) (r model.IndexRange, summary, hint string) {
	if s == "" {
		return r, "a part of the range is empty", ""
	}
	span, stepText, hasStep := strings.Cut(s, ":")
	firstText, lastText, isSpan := strings.Cut(span, "-")
	if dots := strings.Split(s, ".."); len(dots) == 2 {
		return r, fmt.Sprintf("cannot read %q as a range", s), fmt.Sprintf("write %q", dots[0]+"-"+strings.TrimLeft(dots[1], ".="))
	}
	if !isSpan {
		lastText = firstText
	}
	if hasStep && !isSpan {
		return r, fmt.Sprintf("the step of %q needs a range before it", s), fmt.Sprintf("write %q", firstText+"-LAST:"+stepText)
	}
	step := uint64(1)
	first, err1 := strconv.ParseUint(firstText, 10, 32)
	last, err2 := strconv.ParseUint(lastText, 10, 32)
	var err3 error
	if hasStep {
		step, err3 = strconv.ParseUint(stepText, 10, 32)
	}
	switch {
	case err1 != nil || err2 != nil || err3 != nil:
		return r, fmt.Sprintf("cannot read %q as a range of whole numbers up to %d", s, uint32(math.MaxUint32)), ""
	case first > last:
		return r, fmt.Sprintf("the range %q ends before it starts", s), fmt.Sprintf("write %q", lastText+"-"+firstText)
	case step == 0:
		return r, fmt.Sprintf("the step of %q is 0", s), ""
	}
	if last = first + (last-first)/step*step; first == last {
		step = 1
	}
	return model.IndexRange{First: uint32(first), Last: uint32(last), Step: uint32(step)}, "", ""
}

func formatRange(r model.IndexRange) string {
	switch {
	case r.First == r.Last:
		return strconv.FormatUint(uint64(r.First), 10)
	case r.Step == 1:
		return fmt.Sprintf("%d-%d", r.First, r.Last)
	}
	return fmt.Sprintf("%d-%d:%d", r.First, r.Last, r.Step)
}

func formatRanges(rs []model.IndexRange) string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = formatRange(r)
	}
	return strings.Join(parts, ",")
}
