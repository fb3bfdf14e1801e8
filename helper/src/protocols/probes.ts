// Every protocol that can be recognised, in the order in which they are asked.
import { probeAmqp } from './amqp';
import { probeBittorrent, probeBittorrentDatagram } from './bittorrent';
import {
  probeDhcp,
  probeDhcpv6,
  probeDtls,
  probeNtp,
  probeSsdp,
  probeStunDatagram,
  probeStunStream,
} from './datagrams';
import { probeDebugAdapter } from './debug-adapter';
import { probeDnsDatagram, probeDnsStream } from './dns';
import { probeHttp1, probeLongHttp1 } from './http1';
import { probeHttp2 } from './http2';
import { probeKafka } from './kafka';
import { lineProtocolProbes } from './line-protocols';
import { probeMemcached, probeMemcachedDatagram } from './memcached';
import { probeMongodb } from './mongodb';
import { probeMqtt } from './mqtt';
import { probeMysql } from './mysql';
import { probeNats } from './nats';
import type { Datagram, DatagramProbe, Match, Opening, Probe, Verdict } from './opening';
import { probePostgresql } from './postgresql';
import { probeQuic } from './quic';
import { probeRedis } from './redis';
import { probeSsh } from './ssh';
import { probeTls } from './tls';

export const probes: readonly Probe[] = [
  probeTls,
  probeHttp2,
  probeHttp1,
  probeLongHttp1,
  probeSsh,
  probePostgresql,
  probeRedis,
  probeMysql,
  probeMongodb,
  probeAmqp,
  probeMqtt,
  probeNats,
  probeBittorrent,
  probeDebugAdapter,
  ...lineProtocolProbes,
  probeMemcached,
  probeStunStream,
  probeDnsStream,
  probeKafka,
];

export const datagramProbes: readonly DatagramProbe[] = [
  probeQuic,
  probeDnsDatagram,
  probeStunDatagram,
  probeDhcp,
  probeDtls,
  probeSsdp,
  probeBittorrentDatagram,
  probeNtp,
  probeDhcpv6,
  probeMemcachedDatagram,
];

/** The first certain match; else the first likely one, unless a probe still waits (`more`). */
export function askProbes(opening: Opening): { match: Match | undefined; waits: boolean } {
  let likely: Match | undefined;
  let waits = false;
  for (const probe of probes) {
    const verdict: Verdict = probe(opening);
    if (verdict === undefined) continue;
    if (verdict === 'more') waits = true;
    else if (verdict.certainty === 'certain') return { match: verdict, waits: false };
    else likely ??= verdict;
  }
  return { match: likely, waits: waits || likely?.waits === true };
}

/** As askProbes, for one datagram. */
export function askDatagramProbes(datagram: Datagram): Match | undefined {
  let likely: Match | undefined;
  for (const probe of datagramProbes) {
    const match = probe(datagram);
    if (match?.certainty === 'certain') return match;
    likely ??= match;
  }
  return likely;
}
