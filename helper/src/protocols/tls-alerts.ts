// Alerts of TLS (RFC 8446, section 6; older ones from RFC 5246), with what they mean to somebody who debugs.
const alerts = new Map<number, readonly [name: string, meaning: string]>([
  [0, ['close_notify', 'closes the connection']],
  [10, ['unexpected_message', 'got a message that does not belong here']],
  [20, ['bad_record_mac', 'could not decrypt what it received']],
  [21, ['decryption_failed', 'could not decrypt what it received']],
  [22, ['record_overflow', 'got a record that is too long']],
  [30, ['decompression_failure', 'could not decompress what it received']],
  [40, ['handshake_failure', 'found no parameters that both sides accept']],
  [41, ['no_certificate', 'has no certificate']],
  [42, ['bad_certificate', 'refuses the certificate: it is broken or its signature is wrong']],
  [43, ['unsupported_certificate', 'refuses the certificate: its type is not supported']],
  [44, ['certificate_revoked', 'refuses the certificate: it is revoked']],
  [45, ['certificate_expired', 'refuses the certificate: it has expired or is not valid yet']],
  [46, ['certificate_unknown', 'refuses the certificate']],
  [47, ['illegal_parameter', 'got a parameter that makes no sense']],
  [48, ['unknown_ca', 'refuses the certificate: its issuer is not known']],
  [49, ['access_denied', 'does not let this certificate in']],
  [50, ['decode_error', 'could not read a message']],
  [51, ['decrypt_error', 'found a signature or a check sum wrong']],
  [60, ['export_restriction', 'may not use these parameters']],
  [70, ['protocol_version', 'does not accept this version of TLS']],
  [71, ['insufficient_security', 'asks for safer ciphers']],
  [80, ['internal_error', 'has an internal error']],
  [86, ['inappropriate_fallback', 'refuses to go back to an older version of TLS']],
  [90, ['user_canceled', 'cancelled the handshake']],
  [100, ['no_renegotiation', 'does not negotiate again']],
  [109, ['missing_extension', 'misses an extension that must be there']],
  [110, ['unsupported_extension', 'got an extension that it did not ask for']],
  [112, ['unrecognized_name', 'does not know the host that was asked for']],
  [113, ['bad_certificate_status_response', 'got a wrong status of the certificate']],
  [115, ['unknown_psk_identity', 'does not know this pre-shared key']],
  [116, ['certificate_required', 'asks for a certificate and got none']],
  [120, ['no_application_protocol', 'speaks none of the protocols offered (ALPN)']],
  [121, ['ech_required', 'insists on an encrypted hello']],
]);

/** Name and meaning of an alert; an unknown one gets its number as its name. */
export function describeAlert(code: number): { alert: string; meaning: string } {
  const [alert, meaning] = alerts.get(code) ?? [
    `alert_${String(code)}`,
    'sent an alert without a known meaning',
  ];
  return { alert, meaning };
}

/** Whether a byte is the code of an alert that is in use. */
export function isKnownAlert(code: number): boolean {
  return alerts.has(code);
}
