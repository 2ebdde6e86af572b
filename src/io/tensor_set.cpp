#include "io/tensor_set.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/stand_in.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

// A shard is a file beside its index, never one elsewhere.
void check_shard_name(const Json& json, std::string_view name) {
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     name.find('/') == std::string_view::npos &&
                     name.find('\0') == std::string_view::npos;
  if (!plain) {
    fail(ErrorCode::bad_data, "{}: \"{}\" is not the name of a file in this folder", json, name);
  }
}

[[noreturn]] void fail_without_weights(const fs::path& folder) {
  check(folder_exists(folder), ErrorCode::not_found, "{}: not a model folder",
        [&] { return folder.string(); });
  check_not_stand_in_folder(folder);
  fail(ErrorCode::not_found, "{}: neither model.safetensors nor model.safetensors.index.json",
       folder.string());
}

}  // namespace

TensorSet TensorSet::from_file(std::shared_ptr<const SafetensorsFile> file) {
  TensorSet set;
  set.name_ = file->name();
  for (const auto& [name, tensor] : file->tensors())
    set.entries_.emplace_hint(set.entries_.end(), name, Entry{&tensor, file});
  set.files_ = {std::move(file)};
  return set;
}

TensorSet TensorSet::open(const fs::path& folder) {
  const fs::path single = folder / "model.safetensors";
  if (file_exists(single)) {
    return from_file(std::make_shared<SafetensorsFile>(SafetensorsFile::open(single)));
  }
  const fs::path index = folder / "model.safetensors.index.json";
  if (!file_exists(index)) fail_without_weights(folder);
  TensorSet set;
  set.name_ = index.string();
  set.add_index(folder, index);
  return set;
}

void TensorSet::add_index(const fs::path& folder, const fs::path& index) {
  std::map<std::string, std::shared_ptr<const SafetensorsFile>, std::less<>> shards;
  const JsonDocument document = JsonDocument::load(index.string());
  const Json map = document.root().at("weight_map");
  if (const auto twice = map.repeated_key()) {
    fail(ErrorCode::bad_data, "{}: \"{}\" stands twice", document.name(), *twice);
  }
  map.each_member([&](std::string_view name, const Json& value) {
    const std::string_view shard = value.as_string();
    check_shard_name(value, shard);
    auto at = shards.find(shard);
    if (at == shards.end()) {
      auto file = std::make_shared<SafetensorsFile>(SafetensorsFile::open(folder / shard));
      files_.push_back(file);
      at = shards.emplace(shard, std::move(file)).first;
    }
    const StoredTensor* tensor = at->second->find(name);
    check(tensor != nullptr, ErrorCode::bad_data, "{}: no tensor \"{}\", which {} places there",
          at->second->name(), name, [&] { return index.filename().string(); });
    entries_.emplace_hint(entries_.end(), name, Entry{tensor, at->second});
  });
  // A folder is replaced file by file: all of these were there at one moment, or this fails.
  for (const auto& file : files_) {
    check(file->is_in_place(), ErrorCode::io,
          "{}: was replaced while the model's other files were opened; try again", file->name());
  }
  for (const auto& [shard, file] : shards) {
    for (const auto& [name, tensor] : file->tensors()) {
      const Entry* entry = find(name);
      check(entry != nullptr && entry->tensor == &tensor, ErrorCode::bad_data,
            "{}: tensor \"{}\", which {} does not place there", file->name(), name,
            [&] { return index.filename().string(); });
    }
  }
}

const TensorSet::Entry* TensorSet::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

bool TensorSet::has_prefix(std::string_view prefix) const {
  const auto at = entries_.lower_bound(prefix);
  return at != entries_.end() && at->first.starts_with(prefix);
}

void TensorSet::check_unchanged() const {
  for (const auto& file : files_) file->check_unchanged();
}

bool TensorSet::equal(const Entry& a, const Entry& b) {
  if (a.tensor->type != b.tensor->type || a.tensor->shape != b.tensor->shape) return false;
  constexpr size_t kPiece = size_t{1} << 20;
  const size_t size = a.tensor->size_bytes;
  Buffer left(std::min(kPiece, size));
  Buffer right(left.size());
  for (size_t at = 0; at < size; at += kPiece) {
    const size_t n = std::min(kPiece, size - at);
    a.file->read(*a.tensor, at, {left.data(), n});
    b.file->read(*b.tensor, at, {right.data(), n});
    if (std::memcmp(left.data(), right.data(), n) != 0) return false;
  }
  return true;
}

}  // namespace transept
