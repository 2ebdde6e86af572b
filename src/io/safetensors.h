// Safetensors files: named tensors behind a JSON header (format of the safetensors library, version
// 0.4 and later). The reader trusts nothing: it checks all that the format demands before it hands
// out a view.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/file.h"

namespace transept {

enum class StoredType {
  boolean,
  u8,
  i8,
  f8_e4m3,
  f8_e5m2,
  u16,
  i16,
  f16,
  bf16,
  u32,
  i32,
  f32,
  u64,
  i64,
  f64
};

[[nodiscard]] size_t size_of(StoredType type);
[[nodiscard]] const char* name_of(StoredType type);  // "F32"

// "[3, 4]", as messages spell it
[[nodiscard]] std::string shape_text(std::span<const int64_t> shape);

struct StoredTensor {
  StoredType type{};
  std::vector<int64_t> shape;
  size_t offset = 0;  // of its first byte, in the file
  size_t size_bytes = 0;
};

class SafetensorsFile {
 public:
  using Metadata = std::map<std::string, std::string, std::less<>>;
  using Tensors = std::map<std::string, StoredTensor, std::less<>>;

  // Error not_found / io / bad_data. Of the file only the header is read.
  [[nodiscard]] static SafetensorsFile open(const std::filesystem::path& path);
  // A file that is already in memory; `bytes` must outlive the result. `name` appears in errors.
  [[nodiscard]] static SafetensorsFile parse(std::span<const std::byte> bytes, std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Tensors& tensors() const { return tensors_; }
  [[nodiscard]] const StoredTensor* find(std::string_view name) const;
  [[nodiscard]] const Metadata& metadata() const { return metadata_; }

  // The bytes of a tensor from `begin` on: as many as `out` takes, or all of them. Error io.
  void read(const StoredTensor& tensor, size_t begin, std::span<std::byte> out) const;
  [[nodiscard]] Buffer read(const StoredTensor& tensor) const;

  // Error io if somebody wrote into the file since it was opened: then what was read may be neither
  // the old nor the new.
  void check_unchanged() const;
  // Whether the path still leads to this file.
  [[nodiscard]] bool is_in_place() const { return !file_ || file_->is_in_place(); }

 private:
  void parse_header(std::string_view header, size_t begin, size_t end);

  std::string name_;
  std::optional<InputFile> file_;  // else the bytes are in memory
  std::span<const std::byte> bytes_;
  Tensors tensors_;
  Metadata metadata_;
};

// A tensor to write: its bytes, or a function that makes them when their turn comes.
struct TensorToWrite {
  std::string name;
  StoredType type{};
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  std::function<Buffer()> make;
};

// Writes the file as a whole or not at all (base/file.h). Wider types come first, so that every
// tensor is aligned to its type.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const SafetensorsFile::Metadata& metadata);

// Hands the same file to `write`, piece by piece.
void serialize_safetensors(std::vector<TensorToWrite> tensors,
                           const SafetensorsFile::Metadata& metadata,
                           const std::function<void(const void* data, size_t size)>& write);

// The same file as bytes.
[[nodiscard]] std::string safetensors_bytes(std::vector<TensorToWrite> tensors,
                                            const SafetensorsFile::Metadata& metadata);

}  // namespace transept
