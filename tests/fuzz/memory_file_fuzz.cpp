// Any bytes as a memory file: an Error, or rows, ids and segments that fit together.
#include "base/error.h"
#include "io/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    const SafetensorsFile file = SafetensorsFile::parse(bytes, "fuzz");
    const MemoryShape shape = memory_shape(file);
    const MemoryContents contents = read_memory_file(file);
    const auto rows = static_cast<size_t>(contents.rows);
    if (shape.rows != contents.rows || shape.width != contents.width ||
        (!contents.ids.empty() && contents.ids.size() != rows) ||
        contents.segments.back().end != contents.rows ||
        contents.hidden.size() != rows * static_cast<size_t>(contents.width) * sizeof(float)) {
      __builtin_trap();
    }
  } catch (const Error&) {
  }
  return 0;
}
