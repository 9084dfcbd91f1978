#include "adversary/flows/flow_column.hpp"

#include <fmt/format.h>

namespace kronwerk::adversary {
namespace {

/// u_i on the diagonal of a square grid.
Vector on_diagonal(const Vector& u) {
  Vector result = Vector::Zero(u.size() * u.size());
  for (Index i = 0; i < u.size(); ++i) result(i * u.size() + i) = u(i);
  return result;
}

Matrix value_of(const Leaves& leaves, const std::string& name) {
  return leaves.at(name)->evaluate({}).value;
}

}  // namespace

std::string ColumnSide::text() const {
  std::string result;
  for (const Name& name : matrices) {
    result += name.matrix + (name.transposed ? "'" : "") + "*";
  }
  return result + vector;
}

Matrix ColumnSide::before(const Leaves& leaves, Index extent) const {
  Matrix result = Matrix::Identity(extent, extent);
  for (const Name& name : matrices) {
    const Matrix matrix = value_of(leaves, name.matrix);
    result = (result * (name.transposed ? Matrix(matrix.transpose()) : matrix)).eval();
  }
  return result;
}

Vector ColumnSide::values(const Leaves& leaves, Index extent) const {
  if (vector == "1") return Vector::Ones(extent);
  return before(leaves, extent) * Vector(value_of(leaves, vector));
}

std::string FlowColumn::text() const {
  if (kind == Kind::grid) return "grid(" + origin.vector + ")";
  if (kind == Kind::diagonal) return "diagonal(" + origin.text() + ")";
  return fmt::format("kron({}, {})", origin.text(), destination.text());
}

std::vector<std::string> FlowColumn::names() const {
  std::vector<std::string> result;
  for (const ColumnSide* side : {&origin, &destination}) {
    for (const auto& name : side->matrices) result.push_back(name.matrix);
    if (side->vector != "1") result.push_back(side->vector);
  }
  return result;
}

Vector FlowColumn::values(const Leaves& leaves, Index origins, Index destinations) const {
  if (kind == Kind::grid) return value_of(leaves, origin.vector);
  const Vector first = origin.values(leaves, origins);
  if (kind == Kind::diagonal) return on_diagonal(first);
  return adversary::kron(first, destination.values(leaves, destinations));
}

Matrix FlowColumn::shocks(const Leaves& leaves, const std::string& attribute, Index regions) const {
  Matrix result = Matrix::Zero(regions * regions, regions);
  if (kind == Kind::grid) return result;
  for (Index r = 0; r < regions; ++r) {
    if (origin.vector == attribute) {
      const Vector change = origin.before(leaves, regions).col(r);
      result.col(r) += kind == Kind::diagonal
                           ? on_diagonal(change)
                           : Vector(adversary::kron(change, destination.values(leaves, regions)));
    } else if (destination.vector == attribute) {
      const Vector change = destination.before(leaves, regions).col(r);
      result.col(r) += Vector(adversary::kron(origin.values(leaves, regions), change));
    }
  }
  return result;
}

}  // namespace kronwerk::adversary
