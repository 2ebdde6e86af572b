#include "io/memory_file.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/json.h"

namespace transept {
namespace {

constexpr int64_t kMostRows = int64_t{1} << 24;
constexpr int64_t kMostWidth = int64_t{1} << 16;
constexpr const char* kFormat = "transept memory";
constexpr const char* kVersion = "1";

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

void read_hidden(const SafetensorsFile& file, MemoryContents& out) {
  const StoredTensor& hidden = tensor(file, "hidden", StoredType::f32, 2);
  const int64_t rows = hidden.shape[0];
  const int64_t width = hidden.shape[1];
  if (rows < 1 || rows > kMostRows || width < 1 || width > kMostWidth) {
    fail(ErrorCode::bad_data, "{}: hidden: shape {}, expected [1 to {}, 1 to {}]", file.name(),
         shape_text(hidden.shape), kMostRows, kMostWidth);
  }
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
  std::vector<TensorToWrite> tensors(2);
  tensors[0] = {.name = "hidden",
                .type = StoredType::f32,
                .shape = {hidden.rows, hidden.cols},
                .bytes = std::as_bytes(std::span(hidden.data, hidden.size())),
                .make = {}};
  tensors[1] = {.name = "ids",
                .type = StoredType::i32,
                .shape = {static_cast<int64_t>(ids.size())},
                .bytes = std::as_bytes(ids),
                .make = {}};
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
          {"version", kVersion},
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

namespace {

MemoryContents read_contents(const SafetensorsFile& file) {
  const std::string& format = metadata(file, "format");
  check(format == kFormat, ErrorCode::bad_data, "{}: format \"{}\", expected \"{}\"", file.name(),
        format, kFormat);
  const std::string& version = metadata(file, "version");
  check(version == kVersion, ErrorCode::unsupported,
        "{}: version \"{}\" of the memory format, expected \"{}\"", file.name(), version, kVersion);
  for (const auto& [name, stored] : file.tensors()) {
    check(name == "hidden" || name == "ids", ErrorCode::bad_data,
          "{}: tensor \"{}\" is no part of a memory file", file.name(), name);
  }
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

Memory load_memory(const std::filesystem::path& path, Context& c, const Transformer& model) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  const MemoryContents contents = read_memory_file(file);
  check_belongs(contents, file.name(), model);
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
