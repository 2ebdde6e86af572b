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
  fail(ErrorCode::bad_data, "{}: unknown type \"{}\"", json, text);
}

std::vector<int64_t> parse_shape(const Json& json) {
  std::vector<int64_t> shape;
  json.each_element([&](size_t index, const Json& value) {
    if (index >= kMostDimensions) {
      fail(ErrorCode::bad_data, "{}: more than {} dimensions", json, kMostDimensions);
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
      fail(ErrorCode::bad_data, "{}: the shape {} is too large", json, shape_text(shape));
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
    fail(ErrorCode::bad_data, "{}: {} numbers, expected 2", json, ends.size());
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

// What an object has, in its order; the names are the document's.
template <class Value>
using Listed = std::vector<std::pair<std::string_view, Value>>;

// A map of what was found, sorted first: putting each where it belongs, in whatever order they
// come, takes longer and longer with their number.
template <class Value>
std::map<std::string, Value, std::less<>> map_of(Listed<Value>& found) {
  std::vector<std::pair<std::string_view, Value*>> order;
  order.reserve(found.size());
  for (auto& [name, value] : found) order.emplace_back(name, &value);
  const auto name_of_entry = [](const auto& entry) { return entry.first; };
  if (!std::ranges::is_sorted(order, {}, name_of_entry))  // as most writers leave it
    std::ranges::sort(order, {}, name_of_entry);
  std::map<std::string, Value, std::less<>> map;
  for (const auto& [name, value] : order) map.emplace_hint(map.end(), name, std::move(*value));
  return map;
}

SafetensorsFile::Metadata parse_metadata(const Json& json) {
  Listed<std::string> found;
  json.each_member(
      [&](std::string_view key, const Json& value) { found.emplace_back(key, value.as_string()); });
  check_names_differ(json);
  return map_of(found);
}

// The data is [begin, end) of the file.
StoredTensor parse_tensor(const Json& json, Range data) {
  StoredTensor tensor;
  tensor.type = parse_type(json.at("dtype"));
  tensor.shape = parse_shape(json.at("shape"));
  const Range range = parse_range(json.at("data_offsets"), data.end - data.begin);
  const size_t wanted = bytes_for(json, tensor.type, tensor.shape);
  if (range.end - range.begin != wanted) {
    fail(ErrorCode::bad_data, "{}: {} bytes, expected {} for {} {}", json, range.end - range.begin,
         wanted, name_of(tensor.type), shape_text(tensor.shape));
  }
  tensor.offset = data.begin + range.begin;
  tensor.size_bytes = wanted;
  return tensor;
}

// The data is one tensor after another: no overlap, no hole, nothing left over.
void check_cover(const std::string& file, const Listed<StoredTensor>& tensors, Range data) {
  std::vector<std::pair<Range, std::string_view>> ranges;
  ranges.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const size_t begin = tensor.offset - data.begin;
    ranges.push_back({{begin, begin + tensor.size_bytes}, name});
  }
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) < std::pair(b.first.begin, b.first.end);
  });
  size_t end = 0;
  for (const auto& [range, name] : ranges) {
    check(range.begin == end, ErrorCode::bad_data,
          "{}: {}: begins at byte {} of the data, expected {}", file, name, range.begin, end);
    end = range.end;
  }
  const size_t size = data.end - data.begin;
  check(end == size, ErrorCode::bad_data, "{}: the tensors end at byte {} of the data's {}", file,
        end, size);
}

constexpr size_t kPrefixBytes = sizeof(uint64_t);  // the size of the header, which follows

size_t header_size(uint64_t size, size_t file_bytes, const std::string& name) {
  check(size <= file_bytes - kPrefixBytes, ErrorCode::bad_data,
        "{}: a header of {} bytes in a file of {}: cut short, or not a safetensors file", name,
        size, file_bytes);
  check(size <= kMostHeaderBytes, ErrorCode::limit, "{}: a header of {} bytes, at most {}", name,
        size, kMostHeaderBytes);
  return static_cast<size_t>(size);
}

void check_has_prefix(size_t file_bytes, const std::string& name) {
  check(file_bytes >= kPrefixBytes, ErrorCode::bad_data,
        "{}: {} bytes are too few for a safetensors file", name, file_bytes);
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
  SafetensorsFile file;
  file.name_ = path.string();
  file.file_.emplace(path);
  return read_unchanged(*file.file_, [&] {
    const InputFile& input = *file.file_;
    std::string head(std::min<size_t>(input.size(), 512), '\0');
    input.read(0, std::as_writable_bytes(std::span(head)));
    check_not_stand_in(head, file.name_);
    check_has_prefix(input.size(), file.name_);
    uint64_t size = 0;
    input.read(0, std::as_writable_bytes(std::span(&size, 1)));
    std::string header(header_size(size, input.size(), file.name_), '\0');
    input.read(kPrefixBytes, std::as_writable_bytes(std::span(header)));
    file.parse_header(header, kPrefixBytes + header.size(), input.size());
    return std::move(file);
  });
}

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, std::string name) {
  check_not_stand_in({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
  SafetensorsFile file;
  file.name_ = std::move(name);
  file.bytes_ = bytes;
  check_has_prefix(bytes.size(), file.name_);
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  const size_t header_bytes = header_size(size, bytes.size(), file.name_);
  const auto* header = reinterpret_cast<const char*>(bytes.data()) + kPrefixBytes;
  file.parse_header({header, header_bytes}, kPrefixBytes + header_bytes, bytes.size());
  return file;
}

// The data is [begin, end) of the file.
void SafetensorsFile::parse_header(std::string_view header, size_t begin, size_t end) {
  check(!header.empty() && header.front() == '{', ErrorCode::bad_data,
        "{}: the header is not a JSON object", name_);
  const JsonDocument document = JsonDocument::parse(header, name_);
  Listed<StoredTensor> tensors;
  document.root().each_member([&](std::string_view key, const Json& value) {
    if (key == "__metadata__") {
      metadata_ = parse_metadata(value);
      return;
    }
    tensors.emplace_back(key, parse_tensor(value, {begin, end}));
  });
  check_names_differ(document.root());
  tensors_ = map_of(tensors);  // of the list, names and places stay
  check_cover(name_, tensors, {begin, end});
}

void SafetensorsFile::read(const StoredTensor& tensor, size_t begin,
                           std::span<std::byte> out) const {
  dcheck(begin <= tensor.size_bytes && out.size() <= tensor.size_bytes - begin);
  if (file_) return file_->read(tensor.offset + begin, out);
  if (!out.empty()) std::memcpy(out.data(), bytes_.data() + tensor.offset + begin, out.size());
}

Buffer SafetensorsFile::read(const StoredTensor& tensor) const {
  Buffer bytes(tensor.size_bytes);
  read(tensor, 0, {bytes.data(), bytes.size()});
  return bytes;
}

void SafetensorsFile::check_unchanged() const {
  if (file_) file_->check_unchanged();
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
