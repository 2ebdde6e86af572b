// The tensors of a model folder: one safetensors file, or several that an index joins.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"

namespace transept {

class TensorSet {
 public:
  struct Entry {
    const StoredTensor* tensor;
    std::shared_ptr<const SafetensorsFile> file;  // what the tensor is read from
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  // model.safetensors, else model.safetensors.index.json with its shards. Error not_found if there
  // is neither, unsupported if the weights are in a format that transept does not read, bad_data if
  // index and shards contradict each other.
  [[nodiscard]] static TensorSet open(const std::filesystem::path& folder);
  [[nodiscard]] static TensorSet from_file(std::shared_ptr<const SafetensorsFile> file);

  [[nodiscard]] const std::string& name() const { return name_; }  // for messages
  [[nodiscard]] const Entries& entries() const { return entries_; }
  [[nodiscard]] const Entry* find(std::string_view name) const;
  [[nodiscard]] bool has_prefix(std::string_view prefix) const;
  // Same type, shape and bytes.
  [[nodiscard]] static bool equal(const Entry& a, const Entry& b);
  // Error io if somebody wrote into one of the files since it was opened.
  void check_unchanged() const;

 private:
  void add_index(const std::filesystem::path& folder, const std::filesystem::path& index);
  std::string name_;
  Entries entries_;
  std::vector<std::shared_ptr<const SafetensorsFile>> files_;
};

}  // namespace transept
