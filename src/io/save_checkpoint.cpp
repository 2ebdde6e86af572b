#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "io/bind.h"
#include "io/checkpoint.h"
#include "io/import/import.h"
#include "io/packed.h"
#include "io/safetensors.h"
#include "io/stored_values.h"
#include "ops/linear.h"

namespace transept {
namespace {

// A foreign tensor and those of our weights that it is made of.
struct Target {
  TensorToWrite tensor;
  std::vector<std::pair<const Weight*, Source>> parts;
  bool vector = false;
};

// A weight's values as they are stored, which loading may have packed.
class Values {
 public:
  explicit Values(const Weight& weight) : data_(static_cast<const std::byte*>(weight.values)) {
    if (data_ != nullptr) return;
    unpacked_ = stored_values(weight);
    data_ = unpacked_.data();
  }
  [[nodiscard]] const std::byte* data() const { return data_; }

 private:
  Buffer unpacked_;
  const std::byte* data_;
};

// Ours [rows, cols] into columns [part * rows, …) of [cols, parts * rows].
void put_transposed(const Weight& w, const Source& s, std::byte* out) {
  const size_t element = size_of(w.dtype);
  const auto rows = static_cast<size_t>(w.rows);
  const auto cols = static_cast<size_t>(w.cols);
  const size_t stride = rows * static_cast<size_t>(s.parts);
  const size_t first = rows * static_cast<size_t>(s.part);
  const Values values(w);
  const std::byte* from = values.data();
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < cols; ++c) {
      std::memcpy(out + (c * stride + first + r) * element, from + (r * cols + c) * element,
                  element);
    }
  }
}

Buffer assemble(const Target& target) {
  const Weight& first = *target.parts.front().first;
  const size_t part_bytes = first.size() * size_of(first.dtype);
  Buffer out(part_bytes * static_cast<size_t>(target.parts.front().second.parts));
  for (const auto& [weight, source] : target.parts) {
    if (source.transposed && !target.vector) {
      put_transposed(*weight, source, out.data());
    } else {
      std::memcpy(out.data() + static_cast<size_t>(source.part) * part_bytes,
                  Values(*weight).data(), part_bytes);
    }
  }
  return out;
}

std::map<std::string, Target> targets_of(const Transformer& model, const Names& names) {
  std::map<std::string, Target> targets;
  visit(model, [&](const Weight& weight, Role role) {
    const auto at = names.sources.find(weight.name);
    check(at != names.sources.end(), ErrorCode::internal, "{}: no name in {} files", weight.name,
          model.config.family);
    const Source& source = at->second;
    std::string name = source.name;
    if (names.saved_bare && name.starts_with(names.prefix)) name.erase(0, names.prefix.size());
    Target& target = targets[name];
    target.tensor.name = name;
    target.tensor.type = stored_type(weight.dtype);
    target.tensor.shape = foreign_shape(source, role, weight.rows, weight.cols);
    target.vector = role == Role::vector;
    target.parts.emplace_back(&weight, source);
  });
  return targets;
}

void write_foreign(const std::filesystem::path& file, const Transformer& model,
                   const Names& names) {
  std::map<std::string, Target> targets = targets_of(model, names);
  std::vector<TensorToWrite> tensors;
  for (auto& entry : targets) {
    Target& target = entry.second;
    const Weight& first = *target.parts.front().first;
    const Source& source = target.parts.front().second;
    if (source.parts == 1 && (!source.transposed || target.vector) && first.values != nullptr) {
      target.tensor.bytes = {static_cast<const std::byte*>(first.values),
                             first.size() * size_of(first.dtype)};
    } else {
      target.tensor.make = [&target] { return assemble(target); };
    }
    tensors.push_back(target.tensor);
  }
  write_safetensors(file, std::move(tensors), {{"format", "pt"}});
}

}  // namespace

void save_checkpoint(const std::filesystem::path& folder, const Transformer& model,
                     const std::string& config_json, const std::string& generation_config_json) {
  const JsonDocument document = JsonDocument::parse(config_json, "config.json");
  const OwnHead own_head = [&](const std::string&, const std::vector<std::string>&) {
    return !model.config.head.tied;
  };
  const Imported imported = import_model(document.root(), own_head);
  check(describe(imported.config) == describe(model.config), ErrorCode::mismatch,
        "{}: config.json describes another model than the one to save",
        [&] { return folder.string(); });

  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(
      !error, ErrorCode::io, "{}: cannot create the folder: {}", [&] { return folder.string(); },
      [&] { return error.message(); });
  const std::filesystem::path file = folder / "model.safetensors";
  if (storage_of(model) == Storage::f32) {
    write_foreign(file, model, imported.names);
  } else {
    write_packed(file, model);
  }
  write_file_atomic(folder / "config.json", config_json);
  if (!generation_config_json.empty()) {
    write_file_atomic(folder / "generation_config.json", generation_config_json);
  }
}

}  // namespace transept
