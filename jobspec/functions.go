package jobspec

import (
	"maps"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// pureFunctions are the functions of a job file but file() and its kin, with
// the names and meanings Terraform and Nomad give them.
var pureFunctions = func() map[string]function.Function {
	all := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
		"log": stdlib.LogFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"parseint": parseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc, "sum": sumFunc,

		"chomp": stdlib.ChompFunc, "endswith": endsWithFunc, "format": formatFunc,
		"formatlist": formatListFunc, "indent": indentFunc, "join": joinFunc,
		"lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"regex_replace": regexReplaceFunc, "replace": replaceFunc, "split": stdlib.SplitFunc,
		"startswith": startsWithFunc, "strcontains": strContainsFunc, "strlen": stdlib.StrlenFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc,
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,

		"alltrue": allTrueFunc, "anytrue": anyTrueFunc, "chunklist": stdlib.ChunklistFunc,
		"coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": distinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"index": indexFunc, "keys": stdlib.KeysFunc, "length": lengthFunc,
		"lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc, "one": oneFunc,
		"range": rangeFunc, "reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setproduct": setProductFunc, "setsubtract": stdlib.SetSubtractFunc,
		"setsymmetricdifference": stdlib.SetSymmetricDifferenceFunc, "setunion": stdlib.SetUnionFunc,
		"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "transpose": transposeFunc,
		"values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

		"can": tryfunc.CanFunc, "convert": typeexpr.ConvertFunc, "try": tryfunc.TryFunc,
		"tobool": toFunc(cty.Bool), "tolist": toFunc(cty.List(cty.DynamicPseudoType)),
		"tomap": toFunc(cty.Map(cty.DynamicPseudoType)), "tonumber": toFunc(cty.Number),
		"toset": toFunc(cty.Set(cty.DynamicPseudoType)), "tostring": toFunc(cty.String),

		"base64decode": base64DecodeFunc, "base64encode": base64EncodeFunc,
		"csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "urlencode": urlEncodeFunc,
		"yamldecode": yamlDecodeFunc, "yamlencode": ctyyaml.YAMLEncodeFunc,

		"md5": md5Func, "sha1": sha1Func, "sha256": sha256Func, "sha512": sha512Func,

		"basename": baseNameFunc, "dirname": dirNameFunc,
		"formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc,
	}
	maps.Copy(all, cidrFunctions)
	return all
}()

// carriesText holds the functions that move text about without looking into it,
// so that a runtime reference survives them.
var carriesText = set(
	"chomp", "chunklist", "coalesce", "coalescelist", "concat", "convert", "can", "element", "flatten",
	"format", "formatlist", "indent", "join", "jsonencode", "keys", "lookup", "merge", "one",
	"reverse", "setunion", "setproduct", "slice", "tolist", "tomap", "toset", "tostring",
	"trimspace", "try", "values", "yamlencode", "zipmap",
)

// absentFunctions are known from Terraform and Nomad and left out on purpose.
var absentFunctions = map[string]string{
	"abspath":          "a job file knows no current directory; write the path in full or take it from a variable",
	"bcrypt":           "its result differs each time, and a job file always gives the same job; compute it before and pass it with --var",
	"consul_key":       "there is no Consul here; pass the value with --var",
	"fileset":          "list the files in the task's script, or pass the list with --var",
	"filesha256":       "use sha256(file(…))",
	"nonsensitive":     "all values of a job file are visible; leave it out",
	"pathexpand":       "write the path in full or take it from a variable",
	"plantimestamp":    "a job file always gives the same job; pass the time with --var now=$(date -Is)",
	"rsadecrypt":       "decrypt it before and pass it with --var, or in the task",
	"sensitive":        "all values of a job file are visible; leave it out",
	"templatefile":     "use a template block, which the agent renders",
	"timestamp":        "a job file always gives the same job; pass the time with --var now=$(date -Is)",
	"uuid":             "a job file always gives the same job; use ${TENDER_JOB_ID} in the task for a unique name",
	"uuidv4":           "a job file always gives the same job; use ${TENDER_JOB_ID} in the task for a unique name",
	"uuidv5":           "use sha256() of the same text for a stable name",
	"textencodebase64": "use base64encode(…)",
	"base64gzip":       "compress the data before and ship it as an artifact",
}

// functions returns the functions of one file. readFile may be nil.
func functions(readFile func(string) ([]byte, error)) map[string]function.Function {
	all := maps.Clone(pureFunctions)
	all["file"] = fileFunc(readFile, false)
	all["filebase64"] = fileFunc(readFile, true)
	return all
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
