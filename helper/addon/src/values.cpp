#include "values.h"

#include "address.h"

#include <cstring>

namespace procnetmon {
namespace {

// Exact up to 2^53: nanoseconds since boot for 104 days, and to 2 ns for as long again.
Napi::Number number(Napi::Env env, uint64_t value)
{
	return Napi::Number::New(env, static_cast<double>(value));
}

// Bytes of unknown encoding, each as one character.
Napi::Value latin1(Napi::Env env, const char *bytes, size_t length)
{
	napi_value value;

	if (napi_create_string_latin1(env, bytes, length, &value) != napi_ok)
		throw Napi::Error::New(env);
	return Napi::Value(env, value);
}

const char *type_of(uint32_t kind)
{
	switch (kind) {
	case PNM_EVENT_OPENED:
		return "opened";
	case PNM_EVENT_ESTABLISHED:
		return "established";
	case PNM_EVENT_CLOSED:
		return "closed";
	case PNM_EVENT_FAILED:
		return "failed";
	default:
		return "listening";
	}
}

Napi::Object event_object(Napi::Env env, const pnm_event &event)
{
	Napi::Object object = Napi::Object::New(env);

	object.Set("type", type_of(event.kind));
	object.Set("nanos", number(env, event.time_ns));
	object.Set("socketCookie", number(env, event.socket_cookie));
	object.Set("processId", number(env, event.process_id));
	object.Set("protocol", number(env, event.protocol));
	object.Set("localAddress", address_text(event.local_address));
	object.Set("localPort", number(env, event.local_port));
	object.Set("remoteAddress", address_text(event.remote_address));
	object.Set("remotePort", number(env, event.remote_port));
	object.Set("outgoing", Napi::Boolean::New(env, event.outgoing != 0));
	object.Set("reason", number(env, event.reason));
	object.Set("durationNanos", number(env, event.duration_ns));
	return object;
}

Napi::Object event_object(Napi::Env env, const ProcessEvent &event)
{
	Napi::Object object = Napi::Object::New(env);

	object.Set("nanos", number(env, event.nanos));
	object.Set("processId", number(env, event.process_id));
	switch (event.kind) {
	case ProcessEvent::Kind::Fork:
		object.Set("type", "fork");
		object.Set("childId", number(env, event.child_id));
		break;
	case ProcessEvent::Kind::Exec:
		object.Set("type", "exec");
		break;
	case ProcessEvent::Kind::Credentials:
		object.Set("type", "credentials");
		break;
	case ProcessEvent::Kind::Exit:
		object.Set("type", "exit");
		object.Set("status", number(env, event.status));
		break;
	}
	return object;
}

Napi::Object event_object(Napi::Env env, const LinkEvent &event)
{
	Napi::Object object = Napi::Object::New(env);

	object.Set("type", event.is_removed ? "unlink" : "link");
	object.Set("index", number(env, event.index));
	object.Set("name", event.name);
	if (!event.is_removed)
		object.Set("up", Napi::Boolean::New(env, event.up));
	return object;
}

Napi::Object event_object(Napi::Env env, const ProcessEventsLost &)
{
	Napi::Object object = Napi::Object::New(env);

	object.Set("type", "processEventsLost");
	return object;
}

template <typename List, typename Convert>
Napi::Array array_of(Napi::Env env, const List &list, Convert convert)
{
	Napi::Array array = Napi::Array::New(env, list.size());
	uint32_t index = 0;

	for (const auto &entry : list) {
		// A long list must not fill the scope of the caller with a handle for every field.
		const Napi::HandleScope scope(env);

		array[index++] = convert(entry);
	}
	return array;
}

} // namespace

Napi::Value to_javascript(Napi::Env env, const std::vector<Event> &events)
{
	return array_of(env, events, [&](const Event &event) {
		return std::visit([&](const auto &kind) { return event_object(env, kind); }, event);
	});
}

Napi::Value to_javascript(Napi::Env env, const std::vector<PayloadSample> &samples)
{
	return array_of(env, samples, [&](const PayloadSample &sample) {
		const pnm_sample &head = sample.head;
		Napi::Object object = Napi::Object::New(env);

		object.Set("slot", number(env, head.slot));
		object.Set("socketCookie", number(env, head.socket_cookie));
		object.Set("processId", number(env, head.process_id));
		object.Set("nanos", number(env, head.time_ns));
		object.Set("protocol", number(env, head.protocol));
		object.Set("localAddress", address_text(head.local_address));
		object.Set("localPort", number(env, head.local_port));
		object.Set("remoteAddress", address_text(head.remote_address));
		object.Set("remotePort", number(env, head.remote_port));
		object.Set("outgoing", Napi::Boolean::New(env, head.is_outgoing != 0));
		object.Set("sent", Napi::Boolean::New(env, head.is_sent != 0));
		object.Set("offset", number(env, head.offset));
		object.Set("payloadBytes", number(env, head.payload_bytes));
		object.Set("segmentBytes", number(env, head.segment_bytes));
		object.Set("bytes",
			   Napi::Buffer<uint8_t>::Copy(env, sample.bytes.data(), sample.bytes.size()));
		return object;
	});
}

Napi::Value to_javascript(Napi::Env env, const std::vector<Interface> &interfaces)
{
	return array_of(env, interfaces, [&](const Interface &entry) {
		Napi::Object object = Napi::Object::New(env);

		object.Set("index", number(env, entry.link.index));
		object.Set("name", entry.link.name);
		object.Set("up", Napi::Boolean::New(env, entry.link.up));
		object.Set("attached", Napi::Boolean::New(env, entry.attached));
		return object;
	});
}

Napi::Value to_javascript(Napi::Env env, const std::vector<Overflow> &entries)
{
	return array_of(env, entries, [&](const Overflow &entry) {
		Napi::Object object = Napi::Object::New(env);

		object.Set("processId", number(env, entry.key.process_id));
		object.Set("interfaceIndex", number(env, entry.key.interface_index));
		object.Set("foreign", Napi::Boolean::New(env, entry.key.is_foreign));
		object.Set("wireTxBytes", number(env, entry.value.counters.wire_tx_bytes));
		object.Set("wireRxBytes", number(env, entry.value.counters.wire_rx_bytes));
		object.Set("wireTxPackets", number(env, entry.value.counters.wire_tx_packets));
		object.Set("wireRxPackets", number(env, entry.value.counters.wire_rx_packets));
		object.Set("payloadTxBytes", number(env, entry.value.counters.payload_tx_bytes));
		object.Set("payloadRxBytes", number(env, entry.value.counters.payload_rx_bytes));
		object.Set("flags", number(env, entry.value.flags));
		return object;
	});
}

Napi::Value to_javascript(Napi::Env env, const Statistics &statistics)
{
	Napi::Object object = Napi::Object::New(env);

	object.Set("droppedEvents", number(env, statistics.dropped_events));
	object.Set("droppedFlows", number(env, statistics.dropped_flows));
	object.Set("droppedProcesses", number(env, statistics.dropped_processes));
	object.Set("samples", number(env, statistics.samples));
	object.Set("droppedSamples", number(env, statistics.dropped_samples));
	object.Set("skippedMessages", number(env, statistics.skipped_messages));
	object.Set("overflowUpdates", number(env, statistics.overflow_updates));
	object.Set("flowCapacity", number(env, PNM_FLOW_CAPACITY));
	return object;
}

Napi::Value to_javascript(Napi::Env env, const std::vector<std::string> &texts)
{
	return array_of(env, texts, [&](const std::string &text) { return Napi::String::New(env, text); });
}

Napi::Value to_javascript(Napi::Env env, uint32_t slot, const pnm_flow &flow)
{
	Napi::Object object = Napi::Object::New(env);

	object.Set("slot", number(env, slot));
	object.Set("socketCookie", number(env, flow.key.socket_cookie));
	object.Set("openedNanos", number(env, flow.opened_ns));
	object.Set("processId", number(env, flow.key.process_id));
	object.Set("userId", number(env, flow.user_id));
	object.Set("processName", latin1(env, flow.name, strnlen(flow.name, sizeof(flow.name))));
	object.Set("protocol", number(env, flow.protocol));
	object.Set("localAddress", address_text(flow.local_address));
	object.Set("localPort", number(env, flow.local_port));
	object.Set("remoteAddress", address_text(flow.key.remote_address));
	object.Set("remotePort", number(env, flow.key.remote_port));
	object.Set("interfaceIndex", number(env, flow.key.interface_index));
	return object;
}

} // namespace procnetmon
