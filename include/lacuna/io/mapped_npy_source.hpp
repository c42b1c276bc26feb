// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_MAPPED_NPY_SOURCE_HPP
#define LACUNA_IO_MAPPED_NPY_SOURCE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/io/block_shuffle.hpp>
#include <lacuna/io/mapped_file.hpp>
#include <lacuna/io/npy.hpp>

namespace lacuna {

struct MappedNpySourceOptions {
  Index batch_size = 1024;
  std::uint64_t seed = 0;  ///< of the order
  Index block = 1024;      ///< signals that stand together in the file and are read together
  Index window = 64;       ///< blocks that are shuffled together, and in memory together
  Index first = 0;         ///< signals of the file before this one are left out
  Index count = 0;         ///< so many from there, the rest held out; 0: all
};

/// Signals of a .npy file of any size, an array `[samples, dim]` in C order, in shuffled batches. A
/// signal source: a batch depends on file, options and step alone, so training resumes at any step
/// and after the file was opened anew.
///
/// An epoch has floor(samples / batch_size) batches and has every signal once, but for the
/// remainder, which another order leaves out the next time. The order is that of `BlockShuffle`:
/// blocks in a random order, and the signals of `window` blocks mixed. Where neighbours in the file
/// are alike, as are the activations of one text, window * block should span many of them.
///
/// Memory: a batch, 8 bytes a signal of a window, and the pages of two windows, which the system
/// may take back. The file is checked by its length alone when it is opened; that a signal is
/// finite, when it is in a batch. Not to be shortened meanwhile, see `MappedFile`.
///
/// @tparam S  the element type wanted: the file's types are those of `read_npy`, rounded to S.
///
/// @code
/// MappedNpySource<float> source("activations.npy", {.batch_size = 4096, .seed = 1});
/// JointTrainer({.steps = 100 * source.batches_per_epoch()}).fit(model, source);
/// @endcode
template <Real S>
class MappedNpySource {
 public:
  using Scalar = S;

  /// @throws std::runtime_error naming the file: not to be read, not npy, of another type, in
  ///         Fortran order, not two-dimensional, without signals or of dimension 0, of another
  ///         length than its shape takes. std::invalid_argument for an option out of range.
  explicit MappedNpySource(const std::filesystem::path& path, MappedNpySourceOptions options = {})
      : MappedNpySource(options, part_of(read_layout(path), options)) {}

  [[nodiscard]] Index dim() const noexcept { return layout_.dim; }
  /// Those of the options' part of the file.
  [[nodiscard]] Index num_signals() const noexcept { return layout_.num_signals; }
  [[nodiscard]] Index batch_size() const noexcept { return batch_size_; }
  [[nodiscard]] Index batches_per_epoch() const noexcept {
    return layout_.num_signals / batch_size_;
  }

  /// Which signals batch(step) holds, by their rows in the file, in its order; valid until the next
  /// call. @throws std::invalid_argument if step < 0.
  [[nodiscard]] std::span<const Index> columns(Index step) {
    require(step >= 0, "MappedNpySource",
            "the step must be at least 0, got " + std::to_string(step));
    const Index epoch = step / batches_per_epoch();
    const Index begin = step % batches_per_epoch() * batch_size_;
    columns_.clear();
    for (Index done = 0; done < batch_size_;) {
      const std::span<const Index> rest = shuffle_.columns_from(epoch, begin + done);
      follow_window();
      const Index now = std::min(batch_size_ - done, static_cast<Index>(rest.size()));
      for (const Index place : rest.first(static_cast<std::size_t>(now)))
        columns_.push_back(layout_.first + place);
      done += now;
    }
    return columns_;
  }

  /// dim x batch_size, valid until the next call. Cost: a copy of the batch; a shuffle of a window
  /// where one begins.
  /// @throws std::invalid_argument if step < 0; std::runtime_error naming the file and its row if a
  ///         signal holds a NaN or an infinity.
  [[nodiscard]] MatrixArg<S> batch(Index step) {
    const std::span<const Index> chosen = columns(step);
    batch_.resize(dim(), batch_size_);
    const auto dim = static_cast<std::size_t>(layout_.dim);
    for (Index j = 0; j < batch_size_; ++j) {
      const Index row = chosen[static_cast<std::size_t>(j)];
      layout_.type.convert(file_->data() + offset_of(row), layout_.swap_bytes, dim,
                           batch_.col(j).data());
    }
    if (!batch_.allFinite()) refuse_not_finite(chosen);
    return batch_;
  }

 private:
  /// What the file's header says.
  struct Layout {
    std::filesystem::path path;
    Index dim = 0;
    Index first = 0;
    Index num_signals = 0;    // from the first on
    std::uint64_t begin = 0;  // bytes from the start of the file to the first number
    detail::NpyType<S> type{};
    bool swap_bytes = false;
  };

  [[nodiscard]] static Layout read_layout(const std::filesystem::path& path) {
    InputFile file(path);
    static_cast<void>(file.size());  // a folder should be called one
    const NpyHeader header = read_npy_header(file);
    const detail::NpyType<S> type = detail::find_npy_type<S>(file, header.descr);
    detail::check_npy_size(file, header, type.size);
    const std::string shape = "its array has shape " + detail::npy_shape_text(header.shape);
    if (header.shape.size() != 2) file.refuse(shape + "; signals are [samples, dim]");
    if (header.fortran_order) file.refuse("its array is in Fortran order; signals are in C order");
    if (header.shape[0] == 0 || header.shape[1] == 0)
      file.refuse(shape + ": there are no signals or they have no entries");
    return {path,
            header.shape[1],
            0,
            header.shape[0],
            header.size,
            type,
            detail::has_foreign_byte_order(header.descr)};
  }

  [[nodiscard]] static Layout part_of(Layout layout, const MappedNpySourceOptions& options) {
    const Index all = layout.num_signals;
    require(options.first >= 0 && options.count >= 0 && options.first < all &&
                options.count <= all - options.first,
            "MappedNpySource",
            "first and count must be a part of the file's " + std::to_string(all) +
                " signals, are " + std::to_string(options.first) + " and " +
                std::to_string(options.count));
    layout.first = options.first;
    layout.num_signals = options.count == 0 ? all - options.first : options.count;
    return layout;
  }

  MappedNpySource(const MappedNpySourceOptions& options, Layout layout)
      : layout_(std::move(layout)),
        file_(std::make_shared<const MappedFile>(layout_.path)),
        batch_size_(options.batch_size),
        shuffle_("MappedNpySource", layout_.num_signals, options.block, options.window,
                 options.seed) {
    require(batch_size_ >= 1 && batch_size_ <= layout_.num_signals, "MappedNpySource",
            "batch_size must be in [1, n], got " + std::to_string(batch_size_) + " of " +
                std::to_string(layout_.num_signals));
    // Between the two openings the file may have been replaced.
    if (file_->size() < offset_of(layout_.first + layout_.num_signals))
      throw std::runtime_error("cannot read " + layout_.path.string() + ": it became shorter");
  }

  [[nodiscard]] std::uint64_t offset_of(Index row) const {
    return layout_.begin + static_cast<std::uint64_t>(row) * row_bytes();
  }
  [[nodiscard]] std::uint64_t row_bytes() const {
    return static_cast<std::uint64_t>(layout_.dim) * layout_.type.size;
  }

  /// Tells the system which blocks come and which are done with. Those of the window before stay,
  /// as a batch may hold signals of both.
  void follow_window() {
    if (shuffle_.changes() == changes_) return;
    changes_ = shuffle_.changes();
    for (const Index block : before_) file_->release(begin_of_block(block), bytes_of_block(block));
    before_ = std::exchange(in_use_, shuffle_.blocks());
    for (const Index block : in_use_)
      file_->will_need(begin_of_block(block), bytes_of_block(block));
  }
  [[nodiscard]] std::uint64_t begin_of_block(Index block) const {
    return offset_of(layout_.first + block);
  }
  [[nodiscard]] std::uint64_t bytes_of_block(Index block) const {
    return static_cast<std::uint64_t>(shuffle_.block_length(block)) * row_bytes();
  }

  [[noreturn]] void refuse_not_finite(std::span<const Index> chosen) const {
    std::size_t j = 0;
    while (batch_.col(static_cast<Index>(j)).allFinite()) ++j;
    throw std::runtime_error("cannot read " + layout_.path.string() + ": its row " +
                             std::to_string(chosen[j]) + " holds a NaN or an infinity");
  }

  Layout layout_;
  std::shared_ptr<const MappedFile> file_;  // copies of the source share it
  Index batch_size_;
  BlockShuffle shuffle_;
  std::int64_t changes_ = 0;
  std::vector<Index> in_use_, before_;  // blocks of the window, and of the one before it
  std::vector<Index> columns_;
  Matrix<S> batch_;
};

}  // namespace lacuna

#endif  // LACUNA_IO_MAPPED_NPY_SOURCE_HPP
