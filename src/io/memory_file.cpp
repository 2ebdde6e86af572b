#include "io/memory_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "base/stand_in.h"

namespace transept {
namespace {

constexpr int64_t kMostRows = int64_t{1} << 24;
constexpr int64_t kMostWidth = int64_t{1} << 16;
constexpr const char* kFormat = "transept memory";
constexpr std::string_view kVersion = "2";
constexpr std::string_view kVersionWithXxh3 = "1";

const std::string& metadata(const SafetensorsFile& file, std::string_view key) {
  const auto at = file.metadata().find(key);
  if (at == file.metadata().end()) {
    fail(ErrorCode::bad_data, "{}: no \"{}\" in the metadata: not a memory file", file.name(), key);
  }
  return at->second;
}

const StoredTensor& tensor(const SafetensorsFile& file, const char* name, StoredType type,
                           size_t rank) {
  const StoredTensor* found = file.find(name);
  if (found == nullptr) fail(ErrorCode::bad_data, "{}: no tensor {}", file.name(), name);
  if (found->type != type || found->shape.size() != rank) {
    fail(ErrorCode::bad_data, "{}: {}: {} {}, expected {} with {} dimension{}", file.name(), name,
         name_of(found->type), shape_text(found->shape), name_of(type), rank, rank == 1 ? "" : "s");
  }
  return *found;
}

void check_format(const SafetensorsFile& file) {
  const std::string& format = metadata(file, "format");
  check(format == kFormat, ErrorCode::bad_data,
        "{}: format \"{}\", expected \"{}\": not a memory file (a model is given by its folder)",
        file.name(), format, kFormat);
  const std::string& version = metadata(file, "version");
  check(version == kVersion || version == kVersionWithXxh3, ErrorCode::unsupported,
        "{}: version \"{}\" of the memory format, expected \"{}\" or \"{}\"", file.name(), version,
        kVersionWithXxh3, kVersion);
  for (const auto& [name, stored] : file.tensors()) {
    check(name == "hidden" || name == "ids", ErrorCode::bad_data,
          "{}: tensor \"{}\" is no part of a memory file", file.name(), name);
  }
}

const StoredTensor& hidden_of(const SafetensorsFile& file) {
  const StoredTensor& hidden = tensor(file, "hidden", StoredType::f32, 2);
  const int64_t rows = hidden.shape[0];
  const int64_t width = hidden.shape[1];
  if (rows < 1 || rows > kMostRows || width < 1 || width > kMostWidth) {
    fail(ErrorCode::bad_data, "{}: hidden: shape {}, expected [1 to {}, 1 to {}]", file.name(),
         shape_text(hidden.shape), kMostRows, kMostWidth);
  }
  return hidden;
}

void read_hidden(const SafetensorsFile& file, MemoryContents& out) {
  const StoredTensor& hidden = hidden_of(file);
  const int64_t rows = hidden.shape[0];
  const int64_t width = hidden.shape[1];
  out.rows = static_cast<int>(rows);
  out.width = static_cast<int>(width);
  out.hidden = file.read(hidden);
  const auto* values = out.hidden.as<float>();
  for (int64_t i = 0; i < rows * width; ++i) {
    if (std::isfinite(values[i])) continue;
    fail(ErrorCode::bad_data, "{}: hidden[{}, {}]: {} is not finite", file.name(), i / width,
         i % width, values[i]);
  }
}

void read_ids(const SafetensorsFile& file, MemoryContents& out) {
  if (file.find("ids") == nullptr && metadata(file, "version") == kVersion) return;
  const StoredTensor& ids = tensor(file, "ids", StoredType::i32, 1);
  if (ids.shape[0] != out.rows) {
    fail(ErrorCode::bad_data, "{}: ids: shape {}, expected [{}], one for each row of hidden",
         file.name(), shape_text(ids.shape), out.rows);
  }
  out.ids.resize(static_cast<size_t>(out.rows));
  file.read(ids, 0, std::as_writable_bytes(std::span(out.ids)));
  for (size_t i = 0; i < out.ids.size(); ++i) {
    if (out.ids[i] >= 0) continue;
    fail(ErrorCode::bad_data, "{}: ids[{}]: {}, expected 0 or more", file.name(), i, out.ids[i]);
  }
}

// Pieces of at least one row, in order, that together are all rows.
void read_segments(const SafetensorsFile& file, MemoryContents& out) {
  const JsonDocument document =
      JsonDocument::parse(metadata(file, "segments"), file.name() + ": segments");
  const size_t count = document.root().size();
  check(count <= static_cast<size_t>(out.rows), ErrorCode::bad_data,
        "{}: {} segments, expected at most one for each of the {} rows", document.root(), count,
        out.rows);
  int at = 0;
  document.root().each_element([&](size_t, const Json& piece) {
    const std::vector<Json> ends = piece.elements();
    if (ends.size() != 2) {
      fail(ErrorCode::bad_data, "{}: {} numbers, expected 2", piece, ends.size());
    }
    const auto begin = static_cast<int>(ends[0].as_int(at, at));
    const auto end = static_cast<int>(ends[1].as_int(begin + 1, out.rows));
    out.segments.push_back({begin, end});
    at = end;
  });
  if (at != out.rows) {
    fail(ErrorCode::bad_data, "{}: segments: end at row {}, expected {}", file.name(), at,
         out.rows);
  }
}

// The bytes stay the Memory's own.
std::vector<TensorToWrite> tensors_of(const Memory& memory) {
  const ConstTensor hidden = memory.hidden();
  const auto ids = memory.ids();
  std::vector<TensorToWrite> tensors;
  tensors.push_back({.name = "hidden",
                     .type = StoredType::f32,
                     .shape = {hidden.rows, hidden.cols},
                     .bytes = std::as_bytes(std::span(hidden.data, hidden.size())),
                     .make = {}});
  if (ids.empty()) return tensors;
  tensors.push_back({.name = "ids",
                     .type = StoredType::i32,
                     .shape = {static_cast<int64_t>(ids.size())},
                     .bytes = std::as_bytes(ids),
                     .make = {}});
  return tensors;
}

SafetensorsFile::Metadata metadata_of(const Memory& memory, const std::string& text_hash) {
  JsonWriter segments;
  segments.begin_array();
  for (const Memory::Segment& s : memory.segments()) {
    segments.begin_array().value(s.begin).value(s.end).end_array();
  }
  segments.end_array();
  return {{"format", kFormat},
          {"version", std::string(kVersion)},
          {"fingerprint", memory.fingerprint()},
          {"segments", segments.text()},
          {"text_hash", text_hash}};
}

}  // namespace

void save_memory(const std::filesystem::path& path, const Memory& memory,
                 const std::string& text_hash) {
  write_safetensors(path, tensors_of(memory), metadata_of(memory, text_hash));
}

std::string memory_bytes(const Memory& memory, const std::string& text_hash) {
  return safetensors_bytes(tensors_of(memory), metadata_of(memory, text_hash));
}

std::string memory_bytes(const Memory& memory, size_t begin, size_t most) {
  std::string part;
  size_t at = 0;  // of what is written, in the file
  const auto take = [&](const void* data, size_t size) {
    const size_t first = std::clamp(begin, at, at + size) - at;
    const size_t last = std::clamp(begin + most, at, at + size) - at;
    part.append(static_cast<const char*>(data) + first, last - first);
    at += size;
  };
  serialize_safetensors(tensors_of(memory), metadata_of(memory, {}), take);
  return part;
}

MemoryShape memory_shape(const SafetensorsFile& file) {
  check_format(file);
  const StoredTensor& hidden = hidden_of(file);
  return {.fingerprint = metadata(file, "fingerprint"),
          .rows = static_cast<int>(hidden.shape[0]),
          .width = static_cast<int>(hidden.shape[1])};
}

namespace {

void check_is_memory_file(std::string_view head, const std::string& name) {
  check_not_stand_in(head, name);
  check(head.size() > 8 && head[8] == '{', ErrorCode::bad_data,
        "{}: not a memory file: encode writes those", name);
}

MemoryContents read_contents(const SafetensorsFile& file) {
  check_format(file);
  MemoryContents out;
  out.fingerprint = metadata(file, "fingerprint");
  out.text_hash = metadata(file, "text_hash");
  read_hidden(file, out);
  read_ids(file, out);
  read_segments(file, out);
  return out;
}

}  // namespace

MemoryContents read_memory_file(const SafetensorsFile& file) {
  return read_unchanged(file, [&] { return read_contents(file); });
}

MemoryContents read_memory_file(std::span<const std::byte> bytes, const std::string& name) {
  check_is_memory_file({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
  return read_memory_file(SafetensorsFile::parse(bytes, name));
}

MemoryContents read_memory_file(const std::filesystem::path& path) {
  check(!folder_exists(path), ErrorCode::bad_data,
        "{}: a folder, not a memory file: encode writes those", [&] { return path.string(); });
  const InputFile file(path);
  std::string head(std::min<size_t>(file.size(), 512), '\0');
  file.read(0, std::as_writable_bytes(std::span(head)));
  check_is_memory_file(head, path.string());
  return read_memory_file(SafetensorsFile::open(path));
}

Memory load_memory(const std::filesystem::path& path, Context& c, const Transformer& model) {
  const MemoryContents contents = read_memory_file(path);
  check_belongs(contents, path.string(), model);
  return make_memory(c, model, contents);
}

void check_belongs(const MemoryContents& contents, const std::string& name,
                   const Transformer& model) {
  const std::string& mine = model.identity->fingerprint();
  check(contents.fingerprint == mine, ErrorCode::mismatch,
        "{}: made by model {}, not by this one ({}): encode the input with this model", name,
        contents.fingerprint, mine);
  const StackConfig& encoder = model.config.encoder;
  check(contents.width == encoder.d_model, ErrorCode::bad_data,
        "{}: hidden: shape [{}, {}], expected [{}, {}]", name, contents.rows, contents.width,
        contents.rows, encoder.d_model);
  for (const Token id : contents.ids) {
    check(id < encoder.vocab, ErrorCode::bad_data, "{}: ids: {}, expected less than {}", name, id,
          encoder.vocab);
  }
}

Memory make_memory(Context& c, const Transformer& model, const MemoryContents& contents) {
  const ConstTensor hidden{contents.hidden.as<float>(), contents.rows, contents.width};
  return make_memory(c, model, hidden, contents.ids, contents.segments);
}

}  // namespace transept
