#include "io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/stand_in.h"

namespace transept {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr size_t kMostHeaderBytes = 100'000'000;  // as the safetensors library has it
constexpr size_t kMostDimensions = 8;

struct TypeInfo {
  const char* name;
  size_t size_bytes;
};
constexpr std::array<TypeInfo, 15> kTypes = {{{"BOOL", 1},
                                              {"U8", 1},
                                              {"I8", 1},
                                              {"F8_E4M3", 1},
                                              {"F8_E5M2", 1},
                                              {"U16", 2},
                                              {"I16", 2},
                                              {"F16", 2},
                                              {"BF16", 2},
                                              {"U32", 4},
                                              {"I32", 4},
                                              {"F32", 4},
                                              {"U64", 8},
                                              {"I64", 8},
                                              {"F64", 8}}};

StoredType parse_type(const Json& json) {
  const std::string_view text = json.as_string();
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (text == kTypes[i].name) return static_cast<StoredType>(i);
  }
  fail(ErrorCode::bad_data, "{}: unknown type \"{}\"", json.where(), text);
}

std::vector<int64_t> parse_shape(const Json& json) {
  std::vector<int64_t> shape;
  json.each_element([&](size_t index, const Json& value) {
    if (index >= kMostDimensions) {
      fail(ErrorCode::bad_data, "{}: more than {} dimensions", json.where(), kMostDimensions);
    }
    shape.push_back(value.as_int(0, int64_t{1} << 48));
  });
  return shape;
}

// How many bytes the shape and the type call for; Error if that is more than any file has.
size_t bytes_for(const Json& json, StoredType type, const std::vector<int64_t>& shape) {
  size_t bytes = size_of(type);
  for (const int64_t n : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(n), &bytes)) {
      fail(ErrorCode::bad_data, "{}: the shape {} is too large", json.where(), shape_text(shape));
    }
  }
  return bytes;
}

struct Range {
  size_t begin;
  size_t end;
};

Range parse_range(const Json& json, size_t data_bytes) {
  const std::vector<Json> ends = json.elements();
  if (ends.size() != 2) {
    fail(ErrorCode::bad_data, "{}: {} numbers, expected 2", json.where(), ends.size());
  }
  const auto most = static_cast<int64_t>(data_bytes);
  const int64_t begin = ends[0].as_int(0, most);
  const int64_t end = ends[1].as_int(begin, most);
  return {static_cast<size_t>(begin), static_cast<size_t>(end)};
}

// The format forbids what JSON allows.
void check_names_differ(const Json& json) {
  const std::optional<std::string_view> twice = json.repeated_key();
  check(!twice, ErrorCode::bad_data, "{}: \"{}\" stands twice", json, twice.value_or(""));
}

SafetensorsFile::Metadata parse_metadata(const Json& json) {
  SafetensorsFile::Metadata metadata;
  json.each_member(
      [&](std::string_view key, const Json& value) { metadata.emplace(key, value.as_string()); });
  check_names_differ(json);
  return metadata;
}

StoredTensor parse_tensor(const Json& json, std::span<const std::byte> data) {
  StoredTensor tensor;
  tensor.type = parse_type(json.at("dtype"));
  tensor.shape = parse_shape(json.at("shape"));
  const Range range = parse_range(json.at("data_offsets"), data.size());
  const size_t wanted = bytes_for(json, tensor.type, tensor.shape);
  if (range.end - range.begin != wanted) {
    fail(ErrorCode::bad_data, "{}: {} bytes, expected {} for {} {}", json.where(),
         range.end - range.begin, wanted, name_of(tensor.type), shape_text(tensor.shape));
  }
  tensor.bytes = data.subspan(range.begin, wanted);
  return tensor;
}

// The data is one tensor after another: no overlap, no hole, nothing left over.
void check_cover(const std::string& file, const SafetensorsFile::Tensors& tensors,
                 std::span<const std::byte> data) {
  std::vector<std::pair<Range, const std::string*>> ranges;
  ranges.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const auto begin = static_cast<size_t>(tensor.bytes.data() - data.data());
    ranges.push_back({{begin, begin + tensor.bytes.size()}, &name});
  }
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) < std::pair(b.first.begin, b.first.end);
  });
  size_t end = 0;
  for (const auto& [range, name] : ranges) {
    check(range.begin == end, ErrorCode::bad_data,
          "{}: {}: begins at byte {} of the data, expected {}", file, *name, range.begin, end);
    end = range.end;
  }
  check(end == data.size(), ErrorCode::bad_data, "{}: the tensors end at byte {} of the data's {}",
        file, end, data.size());
}

// The size of the header, which follows the first eight bytes.
size_t header_size(std::span<const std::byte> bytes, const std::string& name) {
  check(bytes.size() >= 8, ErrorCode::bad_data, "{}: {} bytes are too few for a safetensors file",
        name, bytes.size());
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  check(size <= bytes.size() - 8, ErrorCode::bad_data,
        "{}: a header of {} bytes in a file of {}: cut short, or not a safetensors file", name,
        size, bytes.size());
  check(size <= kMostHeaderBytes, ErrorCode::limit, "{}: a header of {} bytes, at most {}", name,
        size, kMostHeaderBytes);
  return static_cast<size_t>(size);
}

}  // namespace

size_t size_of(StoredType type) {
  return kTypes[static_cast<size_t>(type)].size_bytes;
}
const char* name_of(StoredType type) {
  return kTypes[static_cast<size_t>(type)].name;
}

std::string shape_text(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  MappedFile mapped(path);
  SafetensorsFile file = parse(mapped.bytes(), path.string());
  file.file_ = std::move(mapped);
  return file;
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, std::string name) {
  check_not_stand_in({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
  const size_t header_bytes = header_size(bytes, name);
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
  check(!header.empty() && header.front() == '{', ErrorCode::bad_data,
        "{}: the header is not a JSON object", name);
  const std::span<const std::byte> data = bytes.subspan(8 + header_bytes);

  SafetensorsFile file;
  const JsonDocument document = JsonDocument::parse(header, name);
  document.root().each_member([&](std::string_view key, const Json& value) {
    if (key == "__metadata__") {
      file.metadata_ = parse_metadata(value);
      return;
    }
    file.tensors_.emplace(key, parse_tensor(value, data));
  });
  check_names_differ(document.root());
  check_cover(name, file.tensors_, data);
  file.name_ = std::move(name);
  file.bytes_ = bytes;
  return file;
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

namespace {

size_t bytes_of(const TensorToWrite& tensor) {
  size_t bytes = size_of(tensor.type);
  for (const int64_t n : tensor.shape) bytes *= static_cast<size_t>(n);
  return bytes;
}

std::string make_header(const std::vector<TensorToWrite>& tensors,
                        const SafetensorsFile::Metadata& metadata) {
  JsonWriter w;
  w.begin_object();
  if (!metadata.empty()) {
    w.key("__metadata__").begin_object();
    for (const auto& [key, value] : metadata) w.member(key, value);
    w.end_object();
  }
  size_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    w.key(tensor.name).begin_object().member("dtype", name_of(tensor.type));
    w.key("shape").begin_array();
    for (const int64_t n : tensor.shape) w.value(n);
    w.end_array();
    const size_t end = offset + bytes_of(tensor);
    w.key("data_offsets").begin_array().value(offset).value(end).end_array();
    w.end_object();
    offset = end;
  }
  w.end_object();
  std::string header = w.take();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

}  // namespace

void serialize_safetensors(std::vector<TensorToWrite> tensors,
                           const SafetensorsFile::Metadata& metadata,
                           const std::function<void(const void* data, size_t size)>& write) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    const size_t wide_a = size_of(a.type);
    const size_t wide_b = size_of(b.type);
    return wide_a != wide_b ? wide_a > wide_b : a.name < b.name;
  });
  const std::string header = make_header(tensors, metadata);
  const uint64_t header_bytes = header.size();
  write(&header_bytes, sizeof header_bytes);
  write(header.data(), header.size());
  for (const TensorToWrite& tensor : tensors) {
    if (!tensor.make) {
      dcheck(tensor.bytes.size() == bytes_of(tensor));
      write(tensor.bytes.data(), tensor.bytes.size());
      continue;
    }
    const Buffer made = tensor.make();
    dcheck(made.size() >= bytes_of(tensor));
    write(made.data(), bytes_of(tensor));
  }
}

void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const SafetensorsFile::Metadata& metadata) {
  write_file_atomic(path, [&](FileSink& sink) {
    serialize_safetensors(std::move(tensors), metadata,
                          [&](const void* data, size_t size) { sink.write(data, size); });
  });
}

std::string safetensors_bytes(std::vector<TensorToWrite> tensors,
                              const SafetensorsFile::Metadata& metadata) {
  std::string bytes;
  serialize_safetensors(std::move(tensors), metadata, [&](const void* data, size_t size) {
    bytes.append(static_cast<const char*>(data), size);
  });
  return bytes;
}

}  // namespace transept
