"""Columns of tables of supply under the names that people give them, in several languages.

A name is taken for a role only where it says so outright. A lead time in weeks is none in days, and a stock in money is
none in units, so that such names are left to the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from foresell.data.files.column_names import plain

NAMES: dict[str, tuple[str, str]] = {
    "on_hand": (
        "on_hand on_hand_qty qty_on_hand quantity_on_hand on_hand_quantity soh stock stock_on_hand stock_qty "
        "stock_quantity current_stock stock_level inventory inventory_qty inventory_on_hand available qty_available "
        "available_qty available_stock quantity_available bestand lagerbestand istbestand aktueller_bestand "
        "verfugbar verfugbarer_bestand verfugbare_menge bestandsmenge lagermenge existencias stock_disponible "
        "stock_actuel giacenza voorraad stan_magazynowy",
        "qty quantity units menge stuck anzahl",
    ),
    "due": (
        "due due_date due_on eta delivery_date expected_delivery expected_delivery_date expected_date expected_arrival "
        "arrival arrival_date promised_date promised_delivery expected_receipt expected_receipt_date liefertermin "
        "lieferdatum termin wunschliefertermin ankunft ankunftsdatum wareneingang fecha_entrega fecha_de_entrega "
        "date_livraison date_de_livraison data_consegna leverdatum",
        "delivery expected",
    ),
    "units": (
        "open_qty open_quantity qty_open open_units outstanding outstanding_qty qty_outstanding remaining_qty "
        "qty_remaining qty_on_order on_order quantity_on_order offene_menge restmenge menge_offen",
        "units qty quantity ordered ordered_qty qty_ordered order_qty order_quantity menge bestellmenge "
        "bestellte_menge stuck anzahl pieces cantidad quantite quantita",
    ),
    "ordered": (
        "ordered ordered_on order_date date_ordered po_date purchase_date bestelldatum bestellt bestellt_am "
        "auftragsdatum fecha_pedido date_commande data_ordine besteldatum",
        "",
    ),
    "received": (
        "received received_on received_date date_received receipt_date receipt goods_receipt goods_receipt_date "
        "grn_date delivered delivered_on wareneingang wareneingangsdatum eingang eingangsdatum eingegangen "
        "eingegangen_am geliefert geliefert_am fecha_recepcion date_reception data_ricevimento ontvangstdatum",
        "delivery_date lieferdatum",
    ),
    "expires": (
        "expires expiry expiry_date expiration expiration_date exp_date best_before best_before_date bbd use_by "
        "use_by_date mhd mindesthaltbarkeitsdatum verfallsdatum ablaufdatum haltbar_bis caducidad fecha_caducidad dlc "
        "dluo scadenza",
        "",
    ),
    "price": ("price sales_price selling_price retail_price vk vk_preis verkaufspreis", "preis"),
    "unit_cost": (
        "unit_cost cost_price cost_per_unit purchase_price buying_price landed_cost ek ek_preis einkaufspreis "
        "einstandspreis selbstkosten cogs precio_compra prix_achat prezzo_acquisto inkoopprijs",
        "cost kosten",
    ),
    "holding_share_year": (
        "holding_share_year holding_rate holding_cost_rate carrying_rate carrying_cost_rate holding_percent "
        "lagerkostensatz lagerhaltungskostensatz",
        "",
    ),
    "lost_margin": ("lost_margin margin_lost margin_per_unit unit_margin", "margin marge deckungsbeitrag"),
    "lead_days": (
        "lead_days lead_time lead_time_days leadtime leadtime_days lieferzeit lieferfrist wiederbeschaffungszeit "
        "beschaffungszeit wbz plazo_entrega plazo_de_entrega delai_livraison delai_de_livraison levertijd "
        "tempo_consegna",
        "lead",
    ),
    "review_days": (
        "review_days review_period review_time review_cycle order_cycle order_interval bestellrhythmus bestellzyklus "
        "bestellintervall",
        "review",
    ),
    "pack": (
        "pack pack_size packsize case_pack case_size units_per_case units_per_pack order_multiple vpe ve "
        "verpackungseinheit gebinde gebindegrosse gebindegroe colisage",
        "multiple case karton",
    ),
    "minimum": (
        "minimum moq min_order min_order_qty min_order_quantity minimum_order minimum_order_qty "
        "minimum_order_quantity min_qty mindestbestellmenge mindestmenge mbm pedido_minimo",
        "min",
    ),
    "unit_weight": (
        "unit_weight weight_per_unit item_weight gross_weight stuckgewicht bruttogewicht", "weight gewicht peso poids"
    ),
    "unit_volume": ("unit_volume volume_per_unit item_volume stuckvolumen", "volume volumen cube"),
    "vendor": (
        "vendor supplier lieferant kreditor proveedor fournisseur fornitore leverancier dostawca",
        "vendor_name supplier_name lieferantenname vendor_id supplier_id vendor_no supplier_no lieferantennummer",
    ),
    "waste_cost": ("waste_cost disposal_cost write_off_cost scrap_cost entsorgungskosten abschreibungskosten", ""),
    "order_cost": ("order_cost ordering_cost cost_per_order fixed_order_cost bestellkosten bestellfixkosten", ""),
    "shelf_days": ("shelf_days shelf_life shelf_life_days haltbarkeit vida_util", ""),
    "minimum_money": (
        "minimum_money minimum_order_value minimum_value minimum_amount min_order_value min_order_amount min_value mov "
        "mindestbestellwert mindestauftragswert mindestwert mbw minimo_de_compra",
        "",
    ),
    "minimum_units": (
        "minimum_units min_units minimum_order_units minimum_order_quantity minimum_order_qty min_order_units "
        "min_order_qty min_order_quantity moq mindestbestellmenge mindestmenge",
        "minimum",
    ),
    "truck_units": ("truck_units truck_capacity_units units_per_truck lkw_stuck stuck_pro_lkw einheiten_pro_lkw", ""),
    "truck_weight": ("truck_weight truck_payload payload nutzlast lkw_nutzlast lkw_gewicht zuladung", ""),
    "truck_volume": ("truck_volume lkw_volumen ladevolumen", ""),
    "truck_cost": (
        "truck_cost cost_per_truck freight_per_truck freight_cost lkw_kosten kosten_pro_lkw frachtkosten "
        "fracht_pro_lkw",
        "freight fracht",
    ),
    "truck_fill": ("truck_fill minimum_fill min_fill min_truck_fill mindestauslastung mindestfullgrad", ""),
    "most_trucks": ("most_trucks max_trucks maximum_trucks lkw_max max_lkw", ""),
    "from_money": (
        "from_money from_value from_amount from_order_value threshold_value break_value ab_wert ab_bestellwert "
        "ab_auftragswert",
        "",
    ),
    "from_units": (
        "from_units from_qty from_quantity break_qty break_quantity threshold_qty threshold_quantity threshold_units "
        "ab_menge ab_stuck staffelmenge",
        "min_qty min_quantity",
    ),
    "discount": (
        "discount discount_share discount_rate rebate rabatt rabattsatz nachlass descuento remise sconto korting", ""
    ),
    "kind": ("kind discount_kind discount_type rabattart", ""),
}  # fmt: skip
"""For each role the names that say so outright, then those that do where no other column has the role."""

_UNITS = "qty quantity units unit pcs pieces stk stuck st me"
_MONEY = "eur euro usd gbp chf netto net per_unit"
_DAYS = "in days day d tage tagen tag dias jours giorni"
ENDINGS = {
    **dict.fromkeys(("on_hand", "units", "pack", "minimum"), _UNITS),
    **dict.fromkeys(("price", "unit_cost", "lost_margin", "waste_cost", "order_cost"), _MONEY),
    **dict.fromkeys(("lead_days", "review_days", "shelf_days"), _DAYS),
    **dict.fromkeys(("due", "expires", "ordered", "received"), "date datum"),
    **dict.fromkeys(("minimum_units", "truck_units", "from_units"), _UNITS),
    **dict.fromkeys(("minimum_money", "truck_cost", "from_money"), _MONEY),
    **dict.fromkeys(("unit_weight", "truck_weight"), "kg g lb t"),
    **dict.fromkeys(("unit_volume", "truck_volume"), "l m3 cbm"),
    **dict.fromkeys(("truck_fill", "discount"), "pct percent prozent"),
    **dict.fromkeys(("vendor", "kind", "most_trucks"), ""),
    "holding_share_year": "year pa per_year pct percent prozent jahr",
}
"""Words at the end of a name that change nothing in its role."""

OTHER_UNITS = {
    **dict.fromkeys(
        ("lead_days", "review_days", "shelf_days"),
        re.compile(r"week|wk|woche|month|monat|mes|sem|hour|stunde|hrs|\bkw\b", re.IGNORECASE),
    ),
    **dict.fromkeys(
        ("on_hand", "units", "pack", "minimum", "minimum_units", "truck_units", "from_units"),
        re.compile(r"€|\$|£|eur|usd|gbp|chf|value|wert|date|datum|pallet|palette", re.IGNORECASE),
    ),
}
"""What a name must not have: the unit of another measure."""

PER_CENT = re.compile(r"%|percent|per cent|prozent|(?:\b|_)pct\b", re.IGNORECASE)
"""A name that says that its numbers are per cent."""


@dataclass(frozen=True)
class RoleColumns:
    """Which column has which role: `of` by role; `doubtful` are the roles that several columns may have."""

    of: dict[str, str] = field(default_factory=dict)
    doubtful: dict[str, list[str]] = field(default_factory=dict)


def role_columns(names: Iterable[str], roles: Sequence[str]) -> RoleColumns:
    """The columns of `roles` among `names`. A column that is called as foresell calls the role has it.

    >>> role_columns(["Artikel", "Bestand (Stk)", "Wert EUR"], ["on_hand"]).of
    {'on_hand': 'Bestand (Stk)'}
    >>> role_columns(["item", "on hand", "available"], ["on_hand"]).doubtful
    {'on_hand': ['on hand', 'available']}
    """
    names = list(names)
    of = {role: role for role in roles if role in names}
    doubtful: dict[str, list[str]] = {}
    for rank in (0, 1):
        for role in roles:
            if role in of or role in doubtful:
                continue
            free = [name for name in names if name not in of.values()]
            fitting = [name for name in free if _has_role(name, role, rank)]
            if len(fitting) == 1:
                of[role] = fitting[0]
            elif fitting:
                doubtful[role] = fitting
    return RoleColumns(of, doubtful)


def _has_role(name: str, role: str, rank: int) -> bool:
    """Whether a name says outright that a column has a role."""
    if role in OTHER_UNITS and OTHER_UNITS[role].search(name):
        return False
    known, spelled = NAMES[role][rank].split(), plain(name)
    endings = ENDINGS[role].split()
    while True:
        if spelled in known:
            return True
        shorter = next((spelled.removesuffix(f"_{end}") for end in endings if spelled.endswith(f"_{end}")), spelled)
        if shorter == spelled:
            return False
        spelled = shorter
