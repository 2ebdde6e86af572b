#include "io/bind.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "io/import/buffers.h"
#include "io/stored_values.h"
#include "model/positions.h"

namespace transept {
namespace {

constexpr float kSinusoidTolerance = 5e-3F;  // bf16 rounds values near 1 by 4e-3

// One weight and the tensor that its values come from.
struct Binding {
  Weight* weight;
  Role role;
  int rows;
  int cols;
  const Source* source;
  std::string name;               // as the file spells it
  const TensorSet::Entry* entry;  // null: zeros
};

std::vector<int64_t> expected_shape(const Binding& b) {
  return foreign_shape(*b.source, b.role, b.rows, b.cols);
}

class Binder {
 public:
  Binder(Transformer& model, const Names& names, const TensorSet& tensors, ThreadPool& pool)
      : model_(model), names_(names), tensors_(tensors), pool_(pool) {
    bare_ = !names.prefix.empty() && !tensors.has_prefix(names.prefix);
  }

  // Decides where every weight comes from.
  void plan() {
    visit(model_, [&](const std::string& name, Weight& weight, int rows, int cols, Role role) {
      add(name, weight, rows, cols, role);
    });
    check_missing();
    for (const Binding& b : bindings_) check_form(b);
    check_sinusoids();
    check_extra();
    for (const Binding& b : bindings_) by_weight_[b.weight] = &b;
  }

  void load(Weight& weight) const {
    if (!weight.empty()) return;
    const Binding& b = *by_weight_.at(&weight);
    bind(b);
    check_finite(b);
  }

  [[nodiscard]] std::string local(const std::string& name) const {
    return bare_ && name.starts_with(names_.prefix) ? name.substr(names_.prefix.size()) : name;
  }

 private:
  void add(const std::string& ours, Weight& weight, int rows, int cols, Role role) {
    weight.name = ours;
    weight.rows = rows;
    weight.cols = cols;
    const auto at = names_.sources.find(ours);
    if (at == names_.sources.end()) {
      fail(ErrorCode::internal, "{}: no name in {} files", ours, model_.config.family);
    }
    const Source& source = at->second;
    Binding b{&weight, role, rows, cols, &source, local(source.name), nullptr};
    find_values(b);
    if (b.entry == nullptr && !source.optional) missing_.push_back(b);
    bindings_.push_back(std::move(b));
  }

  // The first name that the file knows; all others must hold the same.
  void find_values(Binding& b) {
    use(b, local(b.source->name));
    for (const std::string& alias : b.source->aliases) use(b, local(alias));
    if (b.entry == nullptr && !b.source->fallback.empty()) use(b, local(b.source->fallback));
  }

  void use(Binding& b, const std::string& name) {
    const TensorSet::Entry* entry = tensors_.find(name);
    if (entry == nullptr) return;
    used_.insert(name);
    if (b.entry == nullptr) {
      b.entry = entry;
      b.name = name;
    } else if (!TensorSet::equal(*b.entry, *entry)) {
      fail(ErrorCode::bad_data, "{}: {} differs from {}, to which the configuration ties it",
           tensors_.name(), name, b.name);
    }
  }

  void check_missing() const {
    if (missing_.empty()) return;
    const Binding& first = missing_.front();
    const std::string shape = shape_text(expected_shape(first));
    if (missing_.size() == 1) {
      fail(ErrorCode::bad_data, "{}: no tensor {} {}", tensors_.name(), first.name, shape);
    }
    fail(ErrorCode::bad_data, "{}: no tensor {} {}, and {} more are missing", tensors_.name(),
         first.name, shape, missing_.size() - 1);
  }

  void check_form(const Binding& b) const {
    if (b.entry == nullptr) return;
    const StoredTensor& tensor = *b.entry->tensor;
    const std::vector<int64_t> expected = expected_shape(b);
    check(
        tensor.shape == expected, ErrorCode::bad_data, "{}: {}: shape {}, expected {}",
        b.entry->file->name(), b.name, [&] { return shape_text(tensor.shape); },
        [&] { return shape_text(expected); });
    check(is_weight_type(tensor.type), ErrorCode::unsupported,
          "{}: {}: stored as {}, expected F64, F32, F16 or BF16", b.entry->file->name(), b.name,
          name_of(tensor.type));
  }

  void check_sinusoids() {
    for (const StoredSinusoids& table : names_.sinusoids) {
      const std::string name = local(table.name);
      const TensorSet::Entry* entry = tensors_.find(name);
      if (entry == nullptr) continue;
      used_.insert(name);
      check_table(name, *entry, table);
    }
  }

  // A stored table must be the one that is computed here, to the accuracy that f32 (positions times
  // frequencies) or its own type gives.
  void check_table(const std::string& name, const TensorSet::Entry& entry,
                   const StoredSinusoids& table) const {
    const StackConfig& s = table.decoder ? model_.config.decoder : model_.config.encoder;
    const StoredTensor& tensor = *entry.tensor;
    if (!is_weight_type(tensor.type) || tensor.shape.size() != 2 || tensor.shape[1] != s.d_model ||
        tensor.shape[0] > (int64_t{1} << 24)) {
      fail(ErrorCode::bad_data, "{}: {}: {} {}, expected floats [positions, {}]",
           entry.file->name(), name, name_of(tensor.type), shape_text(tensor.shape), s.d_model);
    }
    const Sinusoids sinusoids(s.positions, s.d_model);
    const Buffer table_bytes = entry.file->read(tensor);
    std::vector<float> row(static_cast<size_t>(s.d_model));
    const auto rows = static_cast<int>(tensor.shape[0]);
    for (int position = 0; position < rows; ++position) {
      if (position == table.zero_row) continue;
      sinusoids.row(position, row.data());
      const size_t bytes = row.size() * size_of(tensor.type);
      const Buffer stored = to_f32(
          tensor.type, table_bytes.data() + static_cast<size_t>(position) * bytes, row.size());
      for (size_t i = 0; i < row.size(); ++i) {
        const float found = stored.as<float>()[i];
        if (std::abs(found - row[i]) <= kSinusoidTolerance) continue;
        fail(ErrorCode::unsupported,
             "{}: {}[{}, {}]: {}, expected {}: not the sinusoids of a {} model", entry.file->name(),
             name, position, i, found, row[i], model_.config.family);
      }
    }
  }

  void check_extra() const {
    const std::string* first = nullptr;
    size_t count = 0;
    for (const auto& [name, entry] : tensors_.entries()) {
      if (used_.contains(name) || is_ignored(name) || is_harmless_buffer(name, entry)) continue;
      if (first == nullptr) first = &name;
      ++count;
    }
    if (count == 0) return;
    const std::string shape = shape_text(tensors_.find(*first)->tensor->shape);
    const std::string more = count > 1 ? fmt::format(", and {} more are not", count - 1) : "";
    fail(ErrorCode::bad_data, "{}: tensor {} {} is no part of this {} model{}", tensors_.name(),
         *first, shape, model_.config.family, more);
  }

  [[nodiscard]] bool is_ignored(const std::string& name) const {
    for (const std::string& pattern : names_.ignored) {
      if (matches(local(pattern), name)) return true;
    }
    return false;
  }

  void bind(const Binding& b) const {
    Weight& w = *b.weight;
    if (b.entry == nullptr) return own(w, Buffer(w.size() * sizeof(float)));
    const StoredTensor& tensor = *b.entry->tensor;
    w.dtype = weight_type(tensor.type).value_or(DType::f32);
    const size_t element = size_of(tensor.type);
    const size_t part = b.source->transposed
                            ? static_cast<size_t>(b.rows) * element
                            : static_cast<size_t>(b.source->part) * w.size() * element;
    Buffer values = b.source->transposed && b.role != Role::vector
                        ? transpose(b, read(*b.entry, 0, tensor.size_bytes), element)
                        : read(*b.entry, part, w.size() * element);
    if (tensor.type == StoredType::f64 || (b.role == Role::vector && w.dtype != DType::f32)) {
      values = to_f32(tensor.type, values.data(), w.size());
      w.dtype = DType::f32;
    }
    own(w, std::move(values));
  }

  // On all threads: most of the time goes to pages that are touched for the first time.
  [[nodiscard]] Buffer read(const TensorSet::Entry& entry, size_t begin, size_t size) const {
    constexpr size_t kPiece = size_t{1} << 20;
    Buffer bytes(size);
    const auto pieces = static_cast<int64_t>((size + kPiece - 1) / kPiece);
    pool_.parallel_for(pieces, 1, [&](int64_t first, int64_t last) {
      const size_t from = static_cast<size_t>(first) * kPiece;
      const size_t to = std::min(size, static_cast<size_t>(last) * kPiece);
      entry.file->read(*entry.tensor, begin + from, {bytes.data() + from, to - from});
    });
    return bytes;
  }

  static void own(Weight& w, Buffer values) {
    auto owner = std::make_shared<Buffer>(std::move(values));
    w.values = owner->data();
    w.owner = std::move(owner);
  }

  // Stored [cols, parts * rows]; ours are columns [part * rows, (part + 1) * rows).
  static Buffer transpose(const Binding& b, const Buffer& stored, size_t element) {
    const auto rows = static_cast<size_t>(b.rows);
    const auto cols = static_cast<size_t>(b.cols);
    const size_t stride = rows * static_cast<size_t>(b.source->parts);
    Buffer out(rows * cols * element);
    const std::byte* from = stored.data() + rows * static_cast<size_t>(b.source->part) * element;
    for (size_t c = 0; c < cols; ++c) {
      for (size_t r = 0; r < rows; ++r) {
        std::memcpy(out.data() + (r * cols + c) * element, from + (c * stride + r) * element,
                    element);
      }
    }
    return out;
  }

  static Buffer to_f32(StoredType type, const std::byte* from, size_t n) {
    Buffer out(n * sizeof(float));
    if (const std::optional<DType> dtype = weight_type(type)) {
      widen(*dtype, from, 0, n, out.as<float>());
    } else {
      narrow_f64(from, n, out.as<float>());
    }
    return out;
  }

  void check_finite(const Binding& b) const {
    if (b.entry == nullptr) return;
    const Weight& w = *b.weight;
    constexpr int64_t kGrain = int64_t{1} << 18;
    std::atomic<bool> ok{true};
    pool_.parallel_for(static_cast<int64_t>(w.size()), kGrain, [&](int64_t begin, int64_t end) {
      if (!all_finite(w.dtype, w.values, begin, end)) ok = false;
    });
    if (ok) return;
    int64_t at = 0;
    while (all_finite(w.dtype, w.values, at, at + 1)) ++at;
    fail(ErrorCode::bad_data, "{}: {}: a value is not finite ({}[{}, {}])", b.entry->file->name(),
         b.name, w.name, at / w.cols, at % w.cols);
  }

  Transformer& model_;
  const Names& names_;
  const TensorSet& tensors_;
  ThreadPool& pool_;
  bool bare_ = false;
  std::vector<Binding> bindings_;
  std::unordered_map<const Weight*, const Binding*> by_weight_;
  std::vector<Binding> missing_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace

std::function<void(Weight&)> bind_weights(Transformer& model, const Names& names,
                                          const TensorSet& tensors, ThreadPool& pool) {
  const auto binder = std::make_shared<Binder>(model, names, tensors, pool);
  binder->plan();
  return [binder](Weight& weight) { binder->load(weight); };
}

std::vector<int64_t> foreign_shape(const Source& source, Role role, int rows, int cols) {
  if (role == Role::vector) {
    const int64_t n = int64_t{cols} * source.parts;
    return source.row ? std::vector<int64_t>{1, n} : std::vector<int64_t>{n};
  }
  const int64_t outputs = int64_t{rows} * source.parts;
  return source.transposed ? std::vector<int64_t>{cols, outputs}
                           : std::vector<int64_t>{outputs, cols};
}

}  // namespace transept
