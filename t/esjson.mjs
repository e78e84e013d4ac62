// What JSON.stringify makes of JSON.parse, for t/unit/esjson.c:
//   node t/esjson.mjs vectors >t/esjson.vectors   the checked-in file
//   node t/esjson.mjs                 a line in, a line out
import readline from 'readline';

const out = (input) =>
	process.stdout.write(input + '\t' + JSON.stringify(JSON.parse(input)) +
	    '\n');

// Powers of two whose closest decimal of that length is read as another
// double, their neighbours, and some more.
function powers() {
	const view = new DataView(new ArrayBuffer(8));
	for (let e = -1074; e < 1024; e++) {
		const x = 2 ** e;
		const digits = x.toExponential().replace(/e.*|\D/g, '').length;
		const odd = Number(x.toPrecision(digits)) !== x;
		if (!odd && e % 32 !== 0 && Math.abs(e) > 72)
			continue;
		view.setFloat64(0, x);
		const bits = view.getBigUint64(0);
		for (const b of odd ? [bits - 1n, bits, bits + 1n] : [bits]) {
			view.setBigUint64(0, b);
			out(view.getFloat64(0).toExponential(20));
		}
	}
}

const table = ['0', '-0', '-0.0', '25.0', '45.2', '60.1', '25.5', '1e21', '1e-7',
	'1e20', '1e22', '123456789012345680000', '1.5e-6', '1e-6', '9.5e-7',
	'5e-324', '2.2250738585072014e-308', '2.225073858507201e-308',
	'1.7976931348623157e308', '1E5', '1e+5', '0.1', '0.2', '0.30000000000000004',
	'9007199254740991', '9007199254740992', '9007199254740993',
	'-9007199254740993', '9223372036854775807', '9223372036854775808',
	'18446744073709551616', '100000000000000000000000', '4.35', '0.000001',
	'0.0000001', '1731819422000', '123.456e-3', '5e-7', '-1.25e-9', '1e23',
	'2e-323', '0.5', '1.0000000000000002', '33554432.1', '1e15', '1e16',
	'"\\u001f\\u000b"', '"\\b\\f\\n\\r\\t\\"\\\\\\/"', '"</script>&\\u2028\\u2029"',
	'"\\u0000a\\u007f"', '"\u00e4\u20ac\u{1f600}"', '"\\ud83d\\ude00"', '""', 'null',
	'true', 'false', '[]', '{}', '[[[[]]]]', '[1,[2.50,{"a":[]}],"x"]',
	' { "b" : 1 , "10" : 2 , "9" : 3 } ',
	'{"b":1,"10":2,"9":3,"01":4,"4294967294":5,"4294967295":6,"-1":7,"1.0":8}',
	'{"":0,"a":{"2":1,"1":[{"z":1,"y":2}]}}', '{"0":{"0":{"0":0}}}',
	'[' .repeat(400) + ']'.repeat(400), '{"a":'.repeat(300) + '1E2' +
	'}'.repeat(300)];

if (process.argv[2] === 'vectors') {
	table.forEach(out);
	powers();
} else
	readline.createInterface({ input: process.stdin }).on('line', out);
