#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "kernels/tiles/tile_dispatch.hpp"

namespace kronwerk::kernels {

/// Values that vectors may be loaded from, zero at first.
template <typename T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(Index size)
      : size_(size),
        values_(static_cast<T*>(
            ::operator new (static_cast<std::size_t>(std::max<Index>(1, size)) * sizeof(T),
                            std::align_val_t{alignment}))) {
    std::fill_n(values_.get(), size, T{0});
  }
  T* data() noexcept { return values_.get(); }
  const T* data() const noexcept { return values_.get(); }
  Index size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(T* values) const { ::operator delete (values, std::align_val_t{alignment}); }
  };
  Index size_ = 0;
  std::unique_ptr<T, Free> values_;
};

}  // namespace kronwerk::kernels
