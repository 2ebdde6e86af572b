#include "train/state.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "base/error.h"
#include "io/safetensors.h"

namespace transept {
namespace {

constexpr const char* kFormat = "transept-training-1";

using Metadata = SafetensorsFile::Metadata;

// Visits every scalar of a state under its name in the file.
template <class State, class F>
void each_number(State& s, F&& f) {
  f("step", s.step);
  f("epoch", s.epoch);
  f("batch", s.batch);
  f("target_tokens", s.target_tokens);
  f("seconds", s.seconds);
  f("usual_norm", s.usual_norm);
  f("bad_in_a_row", s.bad_in_a_row);
  f("rollbacks", s.rollbacks);
  f("best_step", s.best_step);
  f("without_better", s.without_better);
  f("finished", s.finished);
}

const std::string& text_of(const SafetensorsFile& file, const std::string& key) {
  const auto at = file.metadata().find(key);
  check(at != file.metadata().end(), ErrorCode::bad_data, "{}: no \"{}\" in its metadata",
        file.name(), key);
  return at->second;
}

template <class T>
void parse(const SafetensorsFile& file, const std::string& key, T& out) {
  const std::string& text = text_of(file, key);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  check(error == std::errc{} && end == text.data() + text.size(), ErrorCode::bad_data,
        "{}: \"{}\" is \"{}\", expected a number", file.name(), key, text);
}

TensorToWrite tensor_of(const std::string& name, std::span<const float> values) {
  TensorToWrite tensor;
  tensor.name = name;
  tensor.type = StoredType::f32;
  tensor.shape = {static_cast<int64_t>(values.size())};
  tensor.bytes = std::as_bytes(values);
  return tensor;
}

void read_tensor(const SafetensorsFile& file, const std::string& name, std::span<float> out) {
  const StoredTensor* tensor = file.find(name);
  check(tensor != nullptr, ErrorCode::mismatch, "{}: no tensor {}: the settings have changed",
        file.name(), name);
  check(tensor->type == StoredType::f32 && tensor->bytes.size() == out.size_bytes(),
        ErrorCode::mismatch,
        "{}: {} has {} bytes, expected {}: another model was trained here; name another output "
        "folder",
        file.name(), name, tensor->bytes.size(), out.size_bytes());
  std::memcpy(out.data(), tensor->bytes.data(), out.size_bytes());
}

void check_format(const SafetensorsFile& file) {
  check(text_of(file, "format") == kFormat, ErrorCode::unsupported,
        "{}: format \"{}\", expected \"{}\"", file.name(), text_of(file, "format"), kFormat);
}

}  // namespace

void save_state(const std::filesystem::path& file, const TrainState& state, Parameters& parameters,
                Optimizer& optimizer) {
  Metadata metadata = {{"format", kFormat}, {"data", state.data_hash}, {"config", state.config}};
  each_number(state, [&](const char* name, const auto& value) {
    metadata[name] = fmt::format("{}", value);  // doubles: the shortest text that reads back equal
  });
  if (state.best) metadata["best"] = fmt::format("{}", *state.best);
  metadata["updates"] = fmt::format("{}", optimizer.counts.updates);
  metadata["encoder_updates"] = fmt::format("{}", optimizer.counts.encoder_updates);
  std::vector<TensorToWrite> tensors = {tensor_of("values", parameters.values()),
                                        tensor_of("mean", optimizer.mean()),
                                        tensor_of("square", optimizer.square())};
  if (optimizer.has_ema()) tensors.push_back(tensor_of("ema", optimizer.ema()));
  write_safetensors(file, std::move(tensors), metadata);
}

TrainState load_state(const std::filesystem::path& path, Parameters& parameters,
                      Optimizer& optimizer) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  check_format(file);
  TrainState state;
  each_number(state, [&](const char* name, auto& value) { parse(file, name, value); });
  if (file.metadata().contains("best")) parse(file, "best", state.best.emplace());
  state.data_hash = text_of(file, "data");
  state.config = text_of(file, "config");
  parse(file, "updates", optimizer.counts.updates);
  parse(file, "encoder_updates", optimizer.counts.encoder_updates);
  read_tensor(file, "values", parameters.values());
  read_tensor(file, "mean", optimizer.mean());
  read_tensor(file, "square", optimizer.square());
  if (optimizer.has_ema()) read_tensor(file, "ema", optimizer.ema());
  return state;
}

void save_values(const std::filesystem::path& file, std::span<const float> values) {
  write_safetensors(file, {tensor_of("values", values)}, {{"format", kFormat}});
}

void load_values(const std::filesystem::path& path, std::span<float> values) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  check_format(file);
  read_tensor(file, "values", values);
}

}  // namespace transept
