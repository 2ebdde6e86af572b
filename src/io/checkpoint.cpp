#include "io/checkpoint.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/stand_in.h"
#include "io/bind.h"
#include "io/import/config_reader.h"
#include "io/import/import.h"
#include "io/packed.h"
#include "io/tensor_set.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

// Does the file hold an output matrix that differs from its token table?
OwnHead head_evidence(const TensorSet& tensors) {
  return [&tensors](const std::string& head, const std::vector<std::string>& table) {
    const TensorSet::Entry* own = tensors.find(head);
    if (own == nullptr) return false;
    for (const std::string& name : table) {
      const TensorSet::Entry* shared = tensors.find(name);
      if (shared != nullptr) return !TensorSet::equal(*own, *shared);
    }
    return false;
  };
}

void check_switches(const Config& config, const fs::path& path) {
  try {
    check_config(config);
  } catch (const Error& e) {
    throw Error(e.code(), fmt::format("{}: {}", path.string(), e.what()));
  }
}

void choose_storage(Transformer& model, const LoadOptions& options) {
  const Storage wanted = options.storage.value_or(Storage::f32);
  visit(model, [&](const std::string& name, Weight& weight, int, int, Role role) {
    weight.storage = storage_for(role, wanted);
    if (is_quantized(weight.storage) && options.keep_bf16.contains(name)) {
      weight.storage = Storage::bf16;
    }
  });
}

// A file of panels stays what it is.
void check_stored_as(const Transformer& model, std::optional<Storage> wanted,
                     const fs::path& folder) {
  if (!wanted) return;
  const Storage stored = storage_of(model);
  check(
      stored == *wanted, ErrorCode::unsupported,
      "{}: its matrices are stored as {}; for {} load the folder that it was converted from",
      [&] { return folder.string(); }, name_of(stored), name_of(*wanted));
}

}  // namespace

Storage storage_for(Role role, Storage wanted) {
  if (role == Role::vector || role == Role::addend) return Storage::f32;
  return is_quantized(wanted) && role == Role::lookup ? Storage::bf16 : wanted;
}

namespace {

// What generation needs counts as generation_config.json says, where there is one.
void read_generation_config(Checkpoint& checkpoint, Config& config) {
  const fs::path path = checkpoint.folder / "generation_config.json";
  if (!file_exists(path)) return;
  checkpoint.generation_config_json = read_file(path, kMostSettingsBytes);
  const JsonDocument generation =
      JsonDocument::parse(checkpoint.generation_config_json, path.string());
  ConfigReader(generation.root()).special_tokens(config);
}

std::shared_ptr<const Transformer> read_model(const TensorSet& tensors, const Imported& imported,
                                              Checkpoint& checkpoint, ThreadPool& pool,
                                              const LoadOptions& options) {
  auto model = std::make_shared<Transformer>();
  model->config = imported.config;
  WeightSource source;
  source.packed = options.packed;
  if (checkpoint.is_packed) {
    bind_packed(*model, tensors, pool);
    check_stored_as(*model, options.storage, checkpoint.folder);
  } else {
    source.load = bind_weights(*model, imported.names, tensors, pool);
    choose_storage(*model, options);
  }
  finish(*model, pool, options.kernels != nullptr ? *options.kernels : chosen_kernels(), source);
  if (options.keys) model->config.decoder.keys = *options.keys;
  return model;
}

}  // namespace

Checkpoint load_checkpoint(const fs::path& folder, ThreadPool& pool, const LoadOptions& options) {
  const fs::path config_path = folder / "config.json";
  if (!file_exists(config_path)) check_not_stand_in_folder(folder);
  check(folder_exists(folder), ErrorCode::not_found, "{}: not a folder",
        [&] { return folder.string(); });
  Checkpoint checkpoint;
  checkpoint.folder = folder;
  checkpoint.config_json = read_file(config_path, kMostSettingsBytes);
  const JsonDocument document = JsonDocument::parse(checkpoint.config_json, config_path.string());

  const TensorSet tensors = TensorSet::open(folder);
  checkpoint.model = read_unchanged(tensors, [&] {
    checkpoint.is_packed = is_packed(tensors);
    const OwnHead evidence =
        checkpoint.is_packed ? OwnHead([&](const std::string&, const std::vector<std::string>&) {
          return tensors.find("head.weight") != nullptr;
        })
                             : head_evidence(tensors);
    Imported imported = import_model(document.root(), evidence);
    read_generation_config(checkpoint, imported.config);
    check_switches(imported.config, config_path);
    return read_model(tensors, imported, checkpoint, pool, options);
  });
  // Then configuration and weights were there at one moment.
  check(read_file(config_path, kMostSettingsBytes) == checkpoint.config_json, ErrorCode::io,
        "{}: was changed while the model was loaded; try again",
        [&] { return config_path.string(); });
  return checkpoint;
}

}  // namespace transept
