// The text of docs/protocols.md, around the table that the run fills.

/** @param rows of the table, one for each client and server, as Markdown */
export function protocolsPage(rows: readonly string[]): string {
  return `# Protocols on real peers

What the helper shows of real clients that speak to real servers, each from its Debian package. Where the protocol leaves
the choice, their ports are not the usual ones, so that only what is said can tell. This page is written by
\`test/kernel/protocols\`, which also checks it: \`vitest --update\` writes it anew.

| Server | Client | Id | Shown as | How sure | Host, and how it is known | Told beside that |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

\`certain\`: told by bytes that only this protocol writes. \`likely\`: the server's choice is encrypted, in TLS 1.3 and QUIC
always, and was told from what the client offers and from the lengths of what follows.

What stands in for a peer that cannot be had from Debian or the npm registry:

- **MongoDB**: its server is in neither. MockupDB, of MongoDB's own makers, answers their own driver.
- **Kafka**: its broker is in neither. The one within librdkafka answers librdkafka.
- **NATS**: its command-line client is in neither. A shell says to the real server what a client would.
- **BitTorrent**: uTP is tried with a peer that does not know it, as aria2 does not. Conversations that hide what they
  are, as both prefer where nothing else is asked for, are told as nothing.

Known by recordings and made samples only (\`test/unit/helper/protocols\`): Chrome's debugging protocol, the Language Server
Protocol, DNS over QUIC, LLMNR, DHCPv6, SSDP, IMAP and POP3.

Passwords, tokens, cookies, query strings, bodies, statements and topics were planted in these conversations; none of them
stands anywhere in what the helper wrote.
`;
}
