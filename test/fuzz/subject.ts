// What is fuzzed, in a bundle of its own: its steps are counted, those of the fuzzer are not.
export { readDnsMessage } from '../../helper/src/protocols/dns-message';
export { HpackReader } from '../../helper/src/protocols/hpack';
export { ConnectionInspector } from '../../helper/src/protocols/inspector';
export { readInitialFrames } from '../../helper/src/protocols/quic-initial';
export { HandshakeMessages, readClientHello, readServerHello } from '../../helper/src/protocols/tls-hello';
