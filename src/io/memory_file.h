// A Memory as a file: the encoder's hidden states, which are small; keys and values are made again
// when it is loaded.
//
// A safetensors file: `hidden` F32 [rows, d_model]; `ids` I32 [rows], where the source was tokens;
// and in its metadata `format` "transept memory", `version` "2", `fingerprint` of the model,
// `segments` "[[0, 7], [7, 12]]" and `text_hash`, the SHA-256 of the text that was read (may be
// empty). Version 1 always has `ids`, and another hash of the text (XXH3); it is read too.
// docs/adr/0025.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/memory.h"
#include "model/weights.h"

namespace transept {

// What a memory file says, before any model is asked.
struct MemoryContents {
  std::string fingerprint;
  std::string text_hash;
  std::vector<Memory::Segment> segments;
  std::vector<Token> ids;  // one per row; empty where the source was not tokens
  Buffer hidden;           // f32 [rows, width], finite
  int rows = 0;
  int width = 0;
};

void save_memory(const std::filesystem::path& path, const Memory& memory,
                 const std::string& text_hash = {});

[[nodiscard]] std::string memory_bytes(const Memory& memory, const std::string& text_hash = {});

// At most so many of these bytes, from one of them on; none behind the end.
[[nodiscard]] std::string memory_bytes(const Memory& memory, size_t begin, size_t most);

// What the header says: the first look at a file, before rows are read.
struct MemoryShape {
  std::string fingerprint;
  int rows = 0;
  int width = 0;
};
[[nodiscard]] MemoryShape memory_shape(const SafetensorsFile& file);

// Error bad_data unless everything is there, of the right shape and consistent.
[[nodiscard]] MemoryContents read_memory_file(const SafetensorsFile& file);
// The same from any bytes, or any path: what is no memory file at all is named as such.
[[nodiscard]] MemoryContents read_memory_file(std::span<const std::byte> bytes,
                                              const std::string& name);
[[nodiscard]] MemoryContents read_memory_file(const std::filesystem::path& path);

// Error mismatch, naming both fingerprints, if another model made it.
[[nodiscard]] Memory load_memory(const std::filesystem::path& path, Context& c,
                                 const Transformer& model);

// The two halves of load_memory, for contents that come from elsewhere. `name` appears in errors.
void check_belongs(const MemoryContents& contents, const std::string& name,
                   const Transformer& model);
[[nodiscard]] Memory make_memory(Context& c, const Transformer& model,
                                 const MemoryContents& contents);

}  // namespace transept
