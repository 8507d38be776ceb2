package jobspec

import (
	"slices"
	"testing"
)

// TestFunctions holds every function of a job file to one result and, where it
// can fail, to one failure.
func TestFunctions(t *testing.T) {
	cases := []struct{ call, want, fails string }{
		{`abs(-1.5)`, "1.5", `abs("x")`},
		{`alltrue([true, false])`, "false", `alltrue([null])`},
		{`anytrue(["true", false])`, "true", `anytrue(1)`},
		{`base64decode("aGk=")`, "hi", `base64decode("/w==")`},
		{`base64encode("hi")`, "aGk=", ``},
		{`basename("/a/b.txt")`, "b.txt", ``},
		{`can(jsondecode("{"))`, "false", ``},
		{`ceil(1.2)`, "2", ``},
		{`chomp("a\n\n")`, "a", ``},
		{`jsonencode(chunklist(["a", "b", "c"], 2))`, `[["a","b"],["c"]]`, ``},
		{`cidrhost("10.1.0.0/16", 258)`, "10.1.1.2", `cidrhost("10.1.0.0/30", 4)`},
		{`cidrhost("fd00::/8", -1)`, "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", `cidrhost("x", 1)`},
		{`cidrnetmask("10.0.0.0/12")`, "255.240.0.0", `cidrnetmask("fd00::/8")`},
		{`cidrsubnet("10.0.0.0/8", 8, 255)`, "10.255.0.0/16", `cidrsubnet("10.0.0.0/8", 8, 256)`},
		{`coalesce(null, "a")`, "a", `coalesce(null)`},
		{`jsonencode(coalescelist([], ["a"]))`, `["a"]`, ``},
		{`jsonencode(compact(["a", "", "b"]))`, `["a","b"]`, ``},
		{`jsonencode(concat(["a"], [1]))`, `["a",1]`, ``},
		{`contains(["a"], "a")`, "true", ``},
		{`convert("5", number) + 1`, "6", `convert("x", number)`},
		{`csvdecode("a,b\n1,2")[0].b`, "2", ``},
		{`dirname("/a/b.txt")`, "/a", ``},
		{`jsonencode(distinct(["a", "b", "a"]))`, `["a","b"]`, ``},
		{`element(["a", "b"], 3)`, "b", ``},
		{`endswith("abc", "bc")`, "true", ``},
		{`file("greeting.txt")`, "hello from a file\n", `file("none")`},
		{`filebase64("binary")`, "//4=", ``},
		{`jsonencode(flatten([["a"], [["b"]]]))`, `["a","b"]`, ``},
		{`floor(1.8)`, "1", ``},
		{`format("%03d %s %5.1f", 7, "x", 2.25)`, "007 x   2.2", `format("%d", "x")`},
		{`formatdate("YYYY", "2026-01-02T03:04:05Z")`, "2026", ``},
		{`jsonencode(formatlist("%s-%d", ["a", "b"], 1))`, `["a-1","b-1"]`, ``},
		{`indent(2, "a\nb")`, "a\n  b", `indent(2000, "a\nb")`},
		{`index(["a", "b"], "b")`, "1", `index(["a"], "b")`},
		{`join("-", ["a", "b"])`, "a-b", ``},
		{`jsondecode("[1, 2]")[1]`, "2", `jsondecode("[")`},
		{`jsonencode({ a = [1, null, "x"] })`, `{"a":[1,null,"x"]}`, ``},
		{`jsonencode(keys({ b = 1, a = 2 }))`, `["a","b"]`, ``},
		{`length([1, 2])`, "2", `length(1)`},
		{`length({ a = 1 }) + length("日本")`, "3", ``},
		{`log(100, 10)`, "2", ``},
		{`lookup({ a = "x" }, "b", "none")`, "none", ``},
		{`lower("ABC")`, "abc", ``},
		{`max(1, 3, 2)`, "3", ``},
		{`md5("")`, "d41d8cd98f00b204e9800998ecf8427e", ``},
		{`jsonencode(merge({ a = 1 }, { b = 2 }))`, `{"a":1,"b":2}`, ``},
		{`min(1, 3, 2)`, "1", ``},
		{`one(["a"])`, "a", `one(["a", "b"])`},
		{`parseint("ff", 16)`, "255", `parseint("z", 10)`},
		{`pow(2, 10)`, "1024", ``},
		{`jsonencode(range(3))`, "[0,1,2]", `range(0, 3, -1)`},
		{`jsonencode([range(2, 5, 2), range(3, 0), range(1, 1, -1)])`, "[[2,4],[3,2,1],[]]", `range(1e6)`},
		{`regex("b(.)", "abc")[0]`, "c", `regex("x", "abc")`},
		{`jsonencode(regexall("[a-c]", "abd"))`, `["a","b"]`, ``},
		{`regex_replace("a1b2", "[0-9]", "#")`, "a#b#", ``},
		{`replace("a.b.c", ".", "-")`, "a-b-c", ``},
		{`jsonencode(reverse(["a", "b"]))`, `["b","a"]`, ``},
		{`jsonencode(setintersection(["a", "b"], ["b"]))`, `["b"]`, ``},
		{`length(setproduct(["a", "b"], [1, 2]))`, "4", ``},
		{`jsonencode(setsubtract(["a", "b"], ["b"]))`, `["a"]`, ``},
		{`jsonencode(setsymmetricdifference(["a", "b"], ["b", "c"]))`, `["a","c"]`, ``},
		{`jsonencode(setunion(["a"], ["b"]))`, `["a","b"]`, ``},
		{`sha1("")`, "da39a3ee5e6b4b0d3255bfef95601890afd80709", ``},
		{`sha256("")`, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", ``},
		{`substr(sha512(""), 0, 8)`, "cf83e135", ``},
		{`signum(-7)`, "-1", ``},
		{`jsonencode(slice(["a", "b", "c"], 1, 2))`, `["b"]`, `slice(["a"], 1, 5)`},
		{`jsonencode(sort(["b", "a"]))`, `["a","b"]`, ``},
		{`jsonencode(split(",", "a,b"))`, `["a","b"]`, ``},
		{`startswith("abc", "ab")`, "true", ``},
		{`strcontains("abc", "b")`, "true", ``},
		{`strlen("日本")`, "2", ``},
		{`strrev("abc")`, "cba", ``},
		{`substr("abcdef", 1, 3)`, "bcd", ``},
		{`sum([1, 2, 3.5])`, "6.5", ``},
		{`timeadd("2026-01-01T00:00:00Z", "1h")`, "2026-01-01T01:00:00Z", ``},
		{`title("a b")`, "A B", ``},
		{`tobool("true")`, "true", `tobool("yes")`},
		{`jsonencode(tolist(toset(["b", "a", "b"])))`, `["a","b"]`, ``},
		{`tomap({ a = "x" })["a"]`, "x", ``},
		{`tonumber("1.5") * 2`, "3", `tonumber("x")`},
		{`tostring(1.5)`, "1.5", `tostring([])`},
		{`jsonencode(transpose({ a = ["1", "2"], b = ["2"] }))`, `{"1":["a"],"2":["a","b"]}`, ``},
		{`trim("xxaxx", "x")`, "a", ``},
		{`trimprefix("xax", "x")`, "ax", ``},
		{`trimspace(" a ")`, "a", ``},
		{`trimsuffix("xax", "x")`, "xa", ``},
		{`try(jsondecode("{").a, "none")`, "none", `try()`},
		{`upper("abc")`, "ABC", ``},
		{`urlencode("a b&c")`, "a+b%26c", ``},
		{`jsonencode(values({ b = 1, a = 2 }))`, "[2,1]", ``},
		{`yamldecode("a: [1, 2]").a[0]`, "1", `yamldecode("[")`},
		{`yamlencode({ a = 1 })`, "\"a\": 1\n", ``},
		{`jsonencode(zipmap(["a"], [1]))`, `{"a":1}`, ``},
	}
	tested := map[string]bool{}
	for _, c := range cases {
		for name := range functions(nil) {
			if slices.Contains(called(c.call), name) {
				tested[name] = true
			}
		}
		job, ds := Parse([]byte(argument(c.call)), Options{ReadFile: readTestFile})
		if job == nil {
			t.Errorf("%s: %s", c.call, ds.Error())
		} else if got := job.Groups[0].Tasks[0].Config.Args[0]; got != c.want {
			t.Errorf("%s is %q, want %q", c.call, got, c.want)
		}
		if c.fails == "" {
			continue
		}
		if job, ds := Parse([]byte(argument("tostring("+c.fails+")")), Options{ReadFile: readTestFile}); job != nil || len(ds.List()) != 1 {
			t.Errorf("%s: want one finding, have %s", c.fails, ds.Error())
		}
	}
	for name := range functions(nil) {
		if !tested[name] {
			t.Errorf("%s() is not tested", name)
		}
		if absentFunctions[name] != "" {
			t.Errorf("%s() is there, yet listed as absent", name)
		}
	}
	for name := range carriesText {
		if _, ok := functions(nil)[name]; !ok {
			t.Errorf("carriesText holds %s, which is no function", name)
		}
	}
}

func argument(expr string) string {
	return "job \"j\" {\ntask \"t\" {\nconfig {\ncommand = \"x\"\nargs = [" + expr + "]\n}\n}\n}"
}

// called returns the words of an expression that stand in front of a bracket.
func called(expr string) (names []string) {
	start := 0
	for i, r := range expr {
		switch {
		case r == '(':
			names = append(names, expr[start:i])
			start = i + 1
		case !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_'):
			start = i + 1
		}
	}
	return names
}
