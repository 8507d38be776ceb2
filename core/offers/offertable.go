package offers

import "github.com/tender-scheduler/tender/core/model"

// offerPage is how many ids in a row share a page of an offerTable.
const offerPage = 256

// offerTable finds offers by id. Ids are given in ascending order and most offers
// live shortly, so that those that are out lie close together: pages of a row of
// ids are looked up faster than each id in a map would be, and a page goes with
// the last of its offers.
type offerTable struct {
	pages map[uint64]*offersPage
	page  *offersPage // the one looked at last, which is number no
	no    uint64
	n     int
}

type offersPage struct {
	offers [offerPage]*offer
	n      int
}

func (t *offerTable) find(id model.OfferID) *offersPage {
	no := uint64(id) / offerPage
	if t.page == nil || t.no != no {
		p := t.pages[no]
		if p == nil {
			return nil
		}
		t.page, t.no = p, no
	}
	return t.page
}

// get returns the offer that is out under id, nil if none is.
func (t *offerTable) get(id model.OfferID) *offer {
	if p := t.find(id); p != nil {
		return p.offers[uint64(id)%offerPage]
	}
	return nil
}

// put takes in an offer that is not in.
func (t *offerTable) put(o *offer) {
	p := t.find(o.ID)
	if p == nil {
		p = &offersPage{}
		if t.pages == nil {
			t.pages = map[uint64]*offersPage{}
		}
		t.page, t.no = p, uint64(o.ID)/offerPage
		t.pages[t.no] = p
	}
	p.offers[uint64(o.ID)%offerPage] = o
	p.n++
	t.n++
}

// drop removes an offer that is in.
func (t *offerTable) drop(id model.OfferID) {
	p := t.find(id)
	p.offers[uint64(id)%offerPage] = nil
	p.n--
	t.n--
	if p.n == 0 {
		delete(t.pages, t.no)
		t.page = nil
	}
}
