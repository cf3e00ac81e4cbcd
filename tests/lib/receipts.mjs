// viem asks for a receipt that is not there at once with each new block: where
// a chain mines on demand none may come any more.
import { until } from './proc.mjs';

export const receipts = (client) => ({
	waitForTransactionReceipt: ({ hash, timeout = 60000 }) =>
		until(`the receipt of ${hash}`, () => client.getTransactionReceipt({ hash }), { timeout, every: 15 }),
});
