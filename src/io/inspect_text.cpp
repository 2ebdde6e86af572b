#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "io/inspect.h"

namespace transept {
namespace {

std::string token_text(Token token) {
  return token < 0 ? "none" : std::to_string(token);
}

void add_stack(const char* name, const StackConfig& s, std::string& out) {
  if (s.layers == 0) {
    out += fmt::format("{:<12} none\n", name);
    return;
  }
  out += fmt::format(
      "{:<12} {} layers, d_model {}, {} heads of {}, d_ff {}, vocabulary {}\n"
      "{:<12} {}-norm ({}), positions {}{}, {}{}\n",
      name, s.layers, s.d_model, s.n_heads, s.d_head, s.d_ff, s.vocab, "", name_of(s.place),
      name_of(s.norm), name_of(s.positions),
      s.max_positions > 0 ? fmt::format(" (at most {})", s.max_positions) : "",
      s.gate ? "gated " : "", name_of(s.activation));
}

void add_model(const ModelReport& m, std::string& out) {
  const Config& c = m.config;
  out += fmt::format("{:<12} {}\n", "family", m.family.empty() ? "unknown" : m.family);
  if (c.has_encoder() || c.has_decoder()) {
    add_stack("encoder", c.encoder, out);
    add_stack("decoder", c.decoder, out);
    out += fmt::format("{:<12} {}\n", "head",
                       !c.head.present ? "none"
                       : c.head.tied   ? "the decoder's token table"
                                       : "a matrix of its own");
    out += fmt::format("{:<12} bos {}, pad {}, decoder start {}, eos {}\n", "tokens",
                       token_text(c.bos), token_text(c.pad), token_text(c.decoder_start), c.eos);
  }
  if (m.parameters > 0) {
    std::string stored;
    for (const auto& [type, bytes] : m.stored_bytes) {
      stored += fmt::format(", {} bytes {}", bytes, type);
    }
    out += fmt::format("{:<12} {}{}, {} bytes packed\n", "parameters", m.parameters, stored,
                       m.packed_bytes);
  }
  out += fmt::format("{:<12} {}\n", "tokenizer", m.tokenizer.empty() ? "none" : m.tokenizer);
  if (!m.prompts.empty()) out += fmt::format("{:<12} {}\n", "prompts", fmt::join(m.prompts, ", "));
  if (!m.fingerprint.empty()) out += fmt::format("{:<12} {}\n", "fingerprint", m.fingerprint);
}

void add_stack(const char* name, const StackConfig& s, JsonWriter& w) {
  w.key(name);
  if (s.layers == 0) {
    w.null();
    return;
  }
  w.begin_object()
      .member("layers", s.layers)
      .member("d_model", s.d_model)
      .member("n_heads", s.n_heads)
      .member("d_head", s.d_head)
      .member("d_ff", s.d_ff)
      .member("vocab", s.vocab)
      .member("norm", name_of(s.norm))
      .member("place", name_of(s.place))
      .member("positions", name_of(s.positions))
      .member("max_positions", s.max_positions)
      .member("activation", name_of(s.activation))
      .member("gate", s.gate)
      .end_object();
}

void add_model(const ModelReport& m, JsonWriter& w) {
  const Config& c = m.config;
  w.key("model").begin_object().member("family", m.family);
  add_stack("encoder", c.encoder, w);
  add_stack("decoder", c.decoder, w);
  w.key("head").begin_object().member("present", c.head.present).member("tied", c.head.tied);
  w.end_object();
  w.key("tokens").begin_object().member("bos", c.bos).member("pad", c.pad);
  w.member("decoder_start", c.decoder_start).key("eos").begin_array();
  for (const Token token : c.eos) w.value(token);
  w.end_array().end_object();
  w.member("parameters", m.parameters).key("stored_bytes").begin_object();
  for (const auto& [type, bytes] : m.stored_bytes) w.member(type, bytes);
  w.end_object().member("packed_bytes", m.packed_bytes);
  w.member("tokenizer", m.tokenizer).member("fingerprint", m.fingerprint);
  w.key("prompts").begin_array();
  for (const std::string& prompt : m.prompts) w.value(prompt);
  w.end_array().end_object();
}

void add_list(const char* name, const std::vector<std::string>& lines, JsonWriter& w) {
  w.key(name).begin_array();
  for (const std::string& line : lines) w.value(line);
  w.end_array();
}

}  // namespace

std::string to_text(const Report& report) {
  std::string out =
      fmt::format("{:<12} {}\n", report.memory ? "memory" : "model", report.path.string());
  if (report.model) add_model(*report.model, out);
  if (report.memory) {
    const MemoryReport& m = *report.memory;
    out += fmt::format("{:<12} {} rows of {}, {} segment{}{}\n", "hidden", m.rows, m.width,
                       m.segments, m.segments == 1 ? "" : "s",
                       m.of_tokens ? "" : ", of a source that was not tokens");
    out += fmt::format("{:<12} {}\n", "text hash", m.text_hash.empty() ? "none" : m.text_hash);
    out += fmt::format("{:<12} {}\n", "made by", m.fingerprint);
  }
  for (const std::string& problem : report.problems) {
    out += fmt::format("{:<12} {}\n", "problem", problem);
  }
  return out;
}

std::string to_json(const Report& report) {
  JsonWriter w;
  w.begin_object().member("path", report.path.string());
  if (report.model) add_model(*report.model, w);
  if (report.memory) {
    const MemoryReport& m = *report.memory;
    w.key("memory").begin_object().member("rows", m.rows).member("width", m.width);
    w.member("segments", m.segments).member("of_tokens", m.of_tokens);
    w.member("text_hash", m.text_hash);
    w.member("fingerprint", m.fingerprint).end_object();
  }
  add_list("problems", report.problems, w);
  w.end_object();
  return w.take();
}

}  // namespace transept
