package offers

import "github.com/tender-scheduler/tender/core/model"

// This file stands in for the role tree, holds and preemption until the pass has
// them: the master is wired to these methods, which do nothing yet.

// SetRole replaces a role's configuration.
func (b *Book) SetRole(model.RoleConfig) {}

// ResetRole gives a role weight 1 and no quota again.
func (b *Book) ResetRole(string) {}

// SetReservation replaces what is reserved for a role on an agent; a zero amount
// takes it away.
func (b *Book) SetReservation(model.Reservation) {}

// Shares returns the roles as they stand, those below role only unless it is empty.
func (b *Book) Shares(string) model.ShareList { return model.ShareList{} }

// Holds returns what is held, in the order of the demands.
func (b *Book) Holds() []model.HoldView { return nil }

// Inverse returns the inverse offers made since the last call.
func (b *Book) Inverse() []model.InverseOffer { return nil }

// InverseOffers returns those that are out, oldest first.
func (b *Book) InverseOffers() []model.InverseOffer { return nil }

// RescindedInverse returns the inverse offers taken back since the last call:
// their tasks may go on.
func (b *Book) RescindedInverse() []model.InverseOffer { return nil }

// AnswerInverse notes what a framework said to an inverse offer.
func (b *Book) AnswerInverse(model.OfferID, bool) {}

// Suppress stops classic offers to a framework's roles; none named = all.
func (b *Book) Suppress(model.FrameworkID, []string) {}

// Revive undoes Suppress and clears the framework's filters.
func (b *Book) Revive(model.FrameworkID, []string) {}
