#include "io/packed.h"

#include <atomic>
#include <set>

#include "base/error.h"
#include "io/stored_values.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "ops/linear.h"

namespace transept {
namespace {

constexpr const char* kFormat = "transept-panels-1";

bool is_in_panels(const Weight& weight) {
  return weight.storage != Storage::f32;
}

std::vector<int64_t> shape_of(const Weight& weight, Role role) {
  if (weight.storage == Storage::int8)
    return {panels_for(weight.rows), static_cast<int64_t>(int8_panel_bytes(weight.cols))};
  if (weight.storage == Storage::int4) {
    return {panels_for(weight.rows), static_cast<int64_t>(int4_panel_lines(weight.cols)),
            static_cast<int64_t>(kLineBytes)};
  }
  if (weight.storage == Storage::bf16)
    return {panels_for(weight.rows), int64_t{kLanes} * weight.cols};
  if (role == Role::vector) return {weight.cols};
  return {weight.rows, weight.cols};
}

class PackedBinder {
 public:
  PackedBinder(const TensorSet& tensors, ThreadPool& pool) : tensors_(tensors), pool_(pool) {}

  void run(Transformer& model) {
    std::set<std::string, std::less<>> used;
    visit(model, [&](const std::string& name, Weight& weight, int rows, int cols, Role role) {
      weight.name = name;
      weight.rows = rows;
      weight.cols = cols;
      const TensorSet::Entry* entry = tensors_.find(name);
      check(entry != nullptr, ErrorCode::bad_data, "{}: no tensor {}", tensors_.name(), name);
      used.insert(name);
      bind(*entry, weight, role);
    });
    for (const auto& [name, entry] : tensors_.entries()) {
      check(used.contains(name), ErrorCode::bad_data, "{}: tensor {} is no part of this model",
            tensors_.name(), name);
    }
  }

 private:
  void bind(const TensorSet::Entry& entry, Weight& weight, Role role) {
    const StoredTensor& tensor = *entry.tensor;
    set_form(tensor, weight, role);
    const std::vector<int64_t> expected = shape_of(weight, role);
    check(
        tensor.shape == expected, ErrorCode::bad_data, "{}: {}: {} {}, expected {}",
        tensors_.name(), weight.name, name_of(tensor.type),
        [&] { return shape_text(tensor.shape); }, [&] { return shape_text(expected); });
    if (is_in_panels(weight)) {
      weight.packed = Buffer(tensor.size_bytes);
      return read_panels(entry, weight);
    }
    auto values = std::make_shared<Buffer>(entry.file->read(tensor));
    weight.values = values->data();
    weight.owner = std::move(values);
    check(all_finite(weight.dtype, weight.values, 0, static_cast<int64_t>(weight.size())),
          ErrorCode::bad_data, "{}: {}: a value is not finite", tensors_.name(), weight.name);
  }

  // What the type of the tensor says, for a weight of this role.
  void set_form(const StoredTensor& tensor, Weight& weight, Role role) const {
    const bool is_matrix = role == Role::product || role == Role::both;
    const bool may_have_panels = is_matrix || role == Role::lookup;
    const bool is_panels = tensor.shape.size() == 2 && tensor.shape[0] == panels_for(weight.rows) &&
                           tensor.shape[1] == int64_t{kLanes} * weight.cols;
    if (may_have_panels && tensor.type == StoredType::u8) {
      check(weight.cols <= kInt8MostColumns, ErrorCode::bad_data,
            "{}: {}: {} columns in int8 or int4, at most {}", tensors_.name(), weight.name,
            weight.cols, kInt8MostColumns);
      weight.storage = tensor.shape.size() == 3 ? Storage::int4 : Storage::int8;
    } else if (may_have_panels && tensor.type == StoredType::bf16 && (is_matrix || is_panels)) {
      weight.storage = Storage::bf16;
    } else {
      const std::optional<DType> dtype = weight_type(tensor.type);
      const bool is_table = role == Role::lookup || role == Role::addend;
      const bool known = dtype && (is_table || (!is_matrix && *dtype == DType::f32));
      check(known, ErrorCode::bad_data, "{}: {}: stored as {}, which a {} cannot be",
            tensors_.name(), weight.name, name_of(tensor.type),
            is_matrix ? "matrix" : "table or vector");
      weight.dtype = *dtype;
    }
  }

  static bool is_valid(const Weight& weight, const std::byte* panel, int n) {
    if (weight.storage == Storage::int8) return is_valid_panel_i8(panel, n, weight.cols);
    if (weight.storage == Storage::int4) return is_valid_panel_i4(panel, n, weight.cols);
    return all_finite(DType::bf16, panel, 0, int64_t{kLanes} * weight.cols);
  }

  // On all threads: most of the time goes to pages that are touched for the first time.
  void read_panels(const TensorSet::Entry& entry, Weight& weight) {
    const int panels = panels_for(weight.rows);
    const size_t each = panel_bytes(weight.storage, weight.cols);
    std::atomic<int> wrong{-1};
    pool_.parallel_for(panels, 64, [&](int64_t begin, int64_t end) {
      const size_t first = static_cast<size_t>(begin) * each;
      const size_t size = static_cast<size_t>(end - begin) * each;
      entry.file->read(*entry.tensor, first, {weight.packed.data() + first, size});
      for (auto p = static_cast<int>(begin); p < static_cast<int>(end); ++p) {
        const std::byte* panel = weight.packed.data() + static_cast<size_t>(p) * each;
        const int n = std::min(kLanes, weight.rows - p * kLanes);
        if (!is_valid(weight, panel, n)) wrong = p;
      }
    });
    check(wrong < 0, ErrorCode::bad_data, "{}: {}: panel {} is damaged", tensors_.name(),
          weight.name, wrong.load());
  }

  const TensorSet& tensors_;
  ThreadPool& pool_;
};

}  // namespace

bool is_packed(const TensorSet& tensors) {
  if (tensors.entries().empty()) return false;
  const auto& metadata = tensors.entries().begin()->second.file->metadata();
  const auto format = metadata.find("format");
  if (format == metadata.end() || !format->second.starts_with("transept-panels-")) return false;
  check(format->second == kFormat, ErrorCode::unsupported,
        "{}: format {}, this version reads {}: convert the model again", tensors.name(),
        format->second, kFormat);
  return true;
}

void bind_packed(Transformer& model, const TensorSet& tensors, ThreadPool& pool) {
  PackedBinder(tensors, pool).run(model);
}

void write_packed(const std::filesystem::path& file, const Transformer& model) {
  std::vector<TensorToWrite> tensors;
  visit(model, [&](const Weight& weight, Role role) {
    TensorToWrite tensor{
        .name = weight.name, .type = {}, .shape = shape_of(weight, role), .bytes = {}, .make = {}};
    if (is_in_panels(weight)) {
      tensor.type = is_quantized(weight.storage) ? StoredType::u8 : StoredType::bf16;
      tensor.bytes = {weight.packed.data(), weight.packed.size()};
    } else {
      check(role != Role::product && role != Role::both, ErrorCode::internal,
            "{}: a matrix in f32 is not written as panels", weight.name);
      tensor.type = stored_type(weight.dtype);
      tensor.bytes = {static_cast<const std::byte*>(weight.values),
                      weight.size() * size_of(weight.dtype)};
    }
    tensors.push_back(std::move(tensor));
  });
  write_safetensors(file, std::move(tensors), {{"format", kFormat}});
}

}  // namespace transept
