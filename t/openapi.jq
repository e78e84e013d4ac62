# jq -n -r --slurpfile d openapi.json --slurpfile v ANSWER --arg m METHOD
# --arg p PATH --arg s STATUS -f openapi.jq: what an answer has that the
# description does not know, and lacks that it promises; a line for each.
def root: $d[0];
def deref: if type == "object" and has("$ref") then
	(.["$ref"] | ltrimstr("#/") | split("/")) as $w | root | getpath($w) | deref
    else . end;
# The schema with all that allOf brings put together.
def whole: deref | if has("allOf") then
	reduce (.allOf[] | whole) as $s (del(.allOf);
	    .type = ($s.type // .type)
	    | .properties = ((.properties // {}) + ($s.properties // {}))
	    | .required = ((.required // []) + ($s.required // []))
	    | .enum = ($s.enum // .enum))
	| with_entries(select(.value != null))
    else . end;
def kind: type as $t | if $t == "number" then
	(if . == floor then "integer" else "number" end) else $t end;
def faults($schema; $at):
	. as $v | ($schema | whole) as $s
	| if $v == null then (if $s.nullable or $s.type == null then empty
	    else "\($at): is null" end)
	elif $s.type != null and ($v | kind) != $s.type
	    and ($s.type != "number" or ($v | kind) != "integer") then
		"\($at): is \($v | kind), not \($s.type)"
	elif $s.enum != null and ($s.enum | index([$v])) == null then
		"\($at): \($v) is none of \($s.enum)"
	elif $s.type == "object" then
		(($s.required // [])[] | select(in($v) | not)
		    | "\($at): lacks \(.)"),
		($v | keys[] as $k
		    | if $s.properties == null then
			(if ($s.additionalProperties | type) == "object" then
				(.[$k] | faults($s.additionalProperties;
				    "\($at).\($k)"))
			else empty end)
		    elif ($s.properties | has($k)) then
			(.[$k] | faults($s.properties[$k]; "\($at).\($k)"))
		    elif $s.additionalProperties == true then empty
		    else "\($at): \($k) is not described" end)
	elif $s.type == "array" then
		range($v | length) as $i
		    | $v[$i] | faults($s.items; "\($at)[\($i)]")
	else empty end;
(root.paths[$p][$m].responses[$s] | deref) as $r
| if $r == null or $r == {} then "\($m) \($p): \($s) is not described"
else $v[0] | faults($r.content["application/json"].schema; "answer") end
