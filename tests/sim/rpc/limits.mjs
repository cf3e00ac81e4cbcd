// How providers refuse an eth_getLogs: code and words as they send them.
// `range` where the request spans more blocks than `max_range`, `logs` where
// the answer holds more logs than `max_logs`; a missing one is not refused
// that way. `to` is the last block of the part that would have been answered.
const hex = (n) => `0x${n.toString(16)}`;
const thousands = (n) => n.toLocaleString('en-US');

const alchemy = ({ from, to, max_range: range }) => ({ code: -32602,
	message: `Log response size exceeded. You can make eth_getLogs requests with up to a ${range ? `${thousands(range)} block` : '2K block'} `
		+ 'range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. '
		+ `Based on your parameters and the response size limit, this block range should work: [${hex(from)}, ${hex(to)}]` });

export const LIMITS = {
	alchemy: { range: alchemy, logs: alchemy },
	alchemy_free: { range: ({ from, to, max_range: range }) => ({ code: -32600,
		message: `Under the Free tier plan, you can make eth_getLogs requests with up to a ${range} block range. Based on your `
			+ `parameters, this block range should work: [${hex(from)}, ${hex(to)}]. Upgrade to PAYG for expanded block range.` }) },
	infura: { logs: ({ from, to, max_logs: logs }) => ({ code: -32005,
		message: `query returned more than ${logs} results. Try with this block range [${hex(from).toUpperCase().replace('0X', '0x')}, `
			+ `${hex(to).toUpperCase().replace('0X', '0x')}].`,
		data: { from: hex(from), to: hex(to), limit: logs } }) },
	quicknode: { range: ({ max_range: range }) => ({ code: -32614, message: `eth_getLogs is limited to a ${thousands(range)} range` }) },
	ankr: { range: () => ({ code: -32600, message: 'block range is too wide' }) },
	geth: { range: ({ max_range: range }) => ({ code: -32602, message: `exceed maximum block range: ${range}` }) },
	reth: {
		range: ({ max_range: range }) => ({ code: -32602, message: `query exceeds max block range ${range}` }),
		logs: ({ from, to, max_logs: logs }) => ({ code: -32602,
			message: `query exceeds max results ${logs}, retry with the range ${from}-${to}` }),
	},
};
