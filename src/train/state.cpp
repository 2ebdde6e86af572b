#include "train/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/hash.h"
#include "io/safetensors.h"

namespace transept {
namespace {

constexpr const char* kFormat = "transept-training-2";
constexpr const char* kFormatWithoutChecksum = "transept-training-1";
constexpr const char* kChecksum = "checksum";

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
  check(tensor->type == StoredType::f32 && tensor->size_bytes == out.size_bytes(),
        ErrorCode::mismatch,
        "{}: {} has {} bytes, expected {}: another model was trained here; name another output "
        "folder",
        file.name(), name, tensor->size_bytes, out.size_bytes());
  file.read(*tensor, 0, std::as_writable_bytes(out));
}

// Over names, numbers and texts, in the order of the names.
class Checksum {
 public:
  void add(const Metadata& metadata) {
    for (const auto& [key, value] : metadata) {
      if (key == kChecksum) continue;
      add_text(key);
      add_text(value);
    }
  }
  void add_text(std::string_view text) {
    hasher_.add(text);
    hasher_.add(std::string_view("\0", 1));
  }
  void add(std::span<const std::byte> bytes) { hasher_.add(bytes.data(), bytes.size()); }
  [[nodiscard]] std::string text() const { return hasher_.hex(); }

 private:
  Hasher hasher_;
};

void write_checked(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                   Metadata metadata) {
  std::ranges::sort(tensors, {}, &TensorToWrite::name);
  Checksum checksum;
  checksum.add(metadata);
  for (const TensorToWrite& tensor : tensors) {
    checksum.add_text(tensor.name);
    checksum.add(tensor.bytes);
  }
  metadata[kChecksum] = checksum.text();
  write_safetensors(path, std::move(tensors), metadata);
}

void check_contents(const SafetensorsFile& file) {
  const std::string& format = text_of(file, "format");
  check(format == kFormat || format == kFormatWithoutChecksum, ErrorCode::unsupported,
        "{}: format \"{}\", expected \"{}\"", file.name(), format, kFormat);
  if (format == kFormatWithoutChecksum && !file.metadata().contains(kChecksum)) return;
  Checksum checksum;
  checksum.add(file.metadata());
  constexpr size_t kPiece = size_t{1} << 20;
  Buffer piece(kPiece);
  for (const auto& [name, tensor] : file.tensors()) {
    checksum.add_text(name);
    for (size_t at = 0; at < tensor.size_bytes; at += kPiece) {
      const std::span<std::byte> part(piece.data(), std::min(kPiece, tensor.size_bytes - at));
      file.read(tensor, at, part);
      checksum.add(part);
    }
  }
  check(checksum.text() == text_of(file, kChecksum), ErrorCode::bad_data,
        "{}: damaged: its contents do not have the checksum that they were written with; restore "
        "it, or remove the folder that it is in to begin again",
        file.name());
}

}  // namespace

void save_state(const std::filesystem::path& file, const TrainState& state, Parameters& parameters,
                Optimizer& optimizer) {
  Metadata metadata = {{"format", kFormat},
                       {"data", state.data_hash},
                       {"valid_data", state.valid_hash},
                       {"config", state.config}};
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
  write_checked(file, std::move(tensors), std::move(metadata));
}

namespace {

TrainState read_state(const SafetensorsFile& file, Parameters& parameters, Optimizer& optimizer) {
  check_contents(file);
  TrainState state;
  each_number(state, [&](const char* name, auto& value) { parse(file, name, value); });
  if (file.metadata().contains("best")) parse(file, "best", state.best.emplace());
  state.data_hash = text_of(file, "data");
  if (file.metadata().contains("valid_data")) state.valid_hash = text_of(file, "valid_data");
  state.config = text_of(file, "config");
  parse(file, "updates", optimizer.counts.updates);
  parse(file, "encoder_updates", optimizer.counts.encoder_updates);
  read_tensor(file, "values", parameters.values());
  read_tensor(file, "mean", optimizer.mean());
  read_tensor(file, "square", optimizer.square());
  if (optimizer.has_ema()) read_tensor(file, "ema", optimizer.ema());
  return state;
}

}  // namespace

TrainState load_state(const std::filesystem::path& path, Parameters& parameters,
                      Optimizer& optimizer) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  return read_unchanged(file, [&] { return read_state(file, parameters, optimizer); });
}

void save_values(const std::filesystem::path& file, std::span<const float> values) {
  write_checked(file, {tensor_of("values", values)}, {{"format", kFormat}});
}

void load_values(const std::filesystem::path& path, std::span<float> values) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  check_contents(file);
  read_tensor(file, "values", values);
  file.check_unchanged();
}

}  // namespace transept
