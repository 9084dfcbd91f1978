#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace kronwerk::communication {

/// Mapped memory, unmapped by the destructor. Move-only; may be empty.
class Mapping {
 public:
  Mapping() = default;
  /// Takes over `mapped` bytes from `data` on, of which `size` are meant to be used.
  Mapping(std::byte* data, std::size_t size, std::size_t mapped) noexcept
      : data_(data), size_(size), mapped_(mapped) {}
  Mapping(Mapping&& other) noexcept { swap(other); }
  Mapping& operator=(Mapping&& other) noexcept {
    Mapping taken(std::move(other));
    swap(taken);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  void swap(Mapping& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;
};

static_assert(!std::is_copy_constructible_v<Mapping>);
static_assert(std::is_nothrow_move_constructible_v<Mapping>);

}  // namespace kronwerk::communication
